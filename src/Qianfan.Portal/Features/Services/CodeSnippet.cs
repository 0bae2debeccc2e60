namespace Qianfan.Portal.Features.Services;

/// <summary>Code that asks a service, ready to paste. Keys stand as placeholders.</summary>
/// <param name="Title">Language or tool.</param>
/// <param name="Code">The code.</param>
public sealed record CodeSnippet(string Title, string Code)
{
    /// <summary>All snippets of a service that goes on with a text; Baidu's cloud has none.</summary>
    /// <param name="baseUrl">Address of its platform, without a slash at the end.</param>
    /// <param name="endpoint">What stands as <c>model</c>.</param>
    public static IReadOnlyList<CodeSnippet> ForCompletions(string baseUrl, string endpoint) =>
    [
        new("curl", $$"""
            curl {{baseUrl}}/v2/completions \
              -H "Authorization: Bearer bce-v3/YOUR_ACCESS_KEY/YOUR_SECRET_KEY" \
              -H "Content-Type: application/json" \
              -d '{"model": "{{endpoint}}", "prompt": "Once upon a time"}'
            """),
        new("OpenAI Python", $$"""
            from openai import OpenAI

            client = OpenAI(
                base_url="{{baseUrl}}/v1",
                api_key="bce-v3/YOUR_ACCESS_KEY/YOUR_SECRET_KEY",
            )
            answer = client.completions.create(
                model="{{endpoint}}",
                prompt="Once upon a time",
            )
            print(answer.choices[0].text)
            """),
        new("Qianfan Python", $$"""
            import os

            os.environ["QIANFAN_ACCESS_KEY"] = "YOUR_ACCESS_KEY"
            os.environ["QIANFAN_SECRET_KEY"] = "YOUR_SECRET_KEY"
            os.environ["QIANFAN_BASE_URL"] = "{{baseUrl}}"
            os.environ["QIANFAN_CONSOLE_API_BASE_URL"] = "{{baseUrl}}"
            os.environ["QIANFAN_IAM_BASE_URL"] = "{{baseUrl}}"

            import qianfan

            answer = qianfan.Completion().do(endpoint="{{endpoint}}", prompt="Once upon a time")
            print(answer["result"])
            """),
    ];

    /// <summary>All snippets of a service that chats.</summary>
    /// <param name="baseUrl">Address of its platform, without a slash at the end.</param>
    /// <param name="endpoint">What stands as <c>model</c>.</param>
    /// <param name="isCloud">Baidu's cloud: its own addresses are the SDK's defaults, and OpenAI's route is V2's.</param>
    public static IReadOnlyList<CodeSnippet> For(string baseUrl, string endpoint, bool isCloud) =>
    [
        new("curl", $$"""
            curl {{baseUrl}}/v2/chat/completions \
              -H "Authorization: Bearer bce-v3/YOUR_ACCESS_KEY/YOUR_SECRET_KEY" \
              -H "Content-Type: application/json" \
              -d '{"model": "{{endpoint}}", "messages": [{"role": "user", "content": "Hello"}]}'
            """),
        new("OpenAI Python", $$"""
            from openai import OpenAI

            client = OpenAI(
                base_url="{{baseUrl}}/{{(isCloud ? "v2" : "v1")}}",
                api_key="bce-v3/YOUR_ACCESS_KEY/YOUR_SECRET_KEY",
            )
            answer = client.chat.completions.create(
                model="{{endpoint}}",
                messages=[{"role": "user", "content": "Hello"}],
            )
            print(answer.choices[0].message.content)
            """),
        new("Qianfan Python", $$"""
            import os

            os.environ["QIANFAN_ACCESS_KEY"] = "YOUR_ACCESS_KEY"
            os.environ["QIANFAN_SECRET_KEY"] = "YOUR_SECRET_KEY"
            {{(isCloud ? "" : $"""
            os.environ["QIANFAN_BASE_URL"] = "{baseUrl}"
            os.environ["QIANFAN_CONSOLE_API_BASE_URL"] = "{baseUrl}"
            os.environ["QIANFAN_IAM_BASE_URL"] = "{baseUrl}"

            """)}}
            import qianfan

            answer = qianfan.ChatCompletion(version="2").do(
                model="{{endpoint}}",
                messages=[{"role": "user", "content": "Hello"}],
            )
            print(answer["choices"][0]["message"]["content"])
            """),
    ];
}
