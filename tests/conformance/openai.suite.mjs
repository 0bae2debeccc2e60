// The npm package openai against the portal: only the base URL and the key differ from its own examples.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { accessKey, secretKey } from './portal.mjs';

const base = 'qianfan-tiny';
const question = 'Which city is the capital of Zorblax?';
const answer = 'The capital of Zorblax is Quindle.';
const hello = [{ role: 'user', content: 'Hello' }];

export function openaiSuite(shared) {
  let client;

  before(() => {
    client = clientWith(`bce-v3/${accessKey}/${secretKey}`);
  });

  const clientWith = (apiKey, options = {}) => new OpenAI({ baseURL: `${shared.portal.address}/v1`, apiKey, maxRetries: 0, ...options });

  test('models are listed and retrieved', async () => {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.ok(ids.includes(base), ids.join());
    assert.equal((await client.models.retrieve(base)).object, 'model');
  });

  test('an unknown model is a NotFoundError', async () => {
    const error = await rejection(client.models.retrieve('gpt-nobody'));
    assert.ok(error instanceof OpenAI.NotFoundError, String(error));
    assert.equal(error.code, 'model_not_found');
    const asked = await rejection(client.chat.completions.create({ model: 'gpt-nobody', messages: hello }));
    assert.ok(asked instanceof OpenAI.NotFoundError, String(asked));
  });

  test('a wrong key is an AuthenticationError', async () => {
    for (const key of ['sk-wrong', `bce-v3/${accessKey}/wrong`, 'bce-v3/ALTAKnobody/wrong']) {
      const error = await rejection(clientWith(key).models.list());
      assert.ok(error instanceof OpenAI.AuthenticationError, String(error));
      assert.equal(error.code, 'invalid_api_key');
    }
  });

  test('an unknown endpoint is a NotFoundError', async () => {
    const error = await rejection(client.get('/nothing/here'));
    assert.ok(error instanceof OpenAI.NotFoundError, String(error));
    assert.equal(error.code, 'unknown_url');
    assert.match(error.requestID, /^req_/);
  });

  test('chat answers, with usage and a request id', async () => {
    const completion = await client.chat.completions.create({ model: base, messages: [{ role: 'system', content: 'Be brief.' }, ...hello], max_tokens: 12 });
    assert.equal(completion.object, 'chat.completion');
    assert.equal(completion.choices[0].message.role, 'assistant');
    assert.ok(completion.choices[0].message.content.length > 0);
    assert.ok(['stop', 'length'].includes(completion.choices[0].finish_reason));
    assert.equal(completion.usage.total_tokens, completion.usage.prompt_tokens + completion.usage.completion_tokens);
    assert.ok(completion.usage.completion_tokens <= 12);
    assert.match(completion._request_id, /^req_/);
  });

  test('the same seed gives the same answers, n of them', async () => {
    const ask = () => client.chat.completions.create({ model: base, messages: hello, max_completion_tokens: 12, temperature: 1, seed: 7, n: 2 });
    const [first, second] = [await ask(), await ask()];
    assert.deepEqual(first.choices.map(choice => choice.index), [0, 1]);
    assert.deepEqual(second.choices.map(choice => choice.message.content), first.choices.map(choice => choice.message.content));
  });

  test('a stream gives the same text as a whole answer, and ends with the usage', async () => {
    const request = { model: base, messages: hello, max_tokens: 16, temperature: 0 };
    const whole = await client.chat.completions.create(request);
    const stream = client.chat.completions.stream({ ...request, stream_options: { include_usage: true } });
    let text = '';
    stream.on('content', delta => { text += delta; });
    const final = await stream.finalChatCompletion();
    assert.equal(text, whole.choices[0].message.content);
    assert.equal(final.choices[0].message.content, text);
    assert.equal(final.choices[0].finish_reason, whole.choices[0].finish_reason);
    assert.deepEqual(final.usage, whole.usage);
  });

  test('a cancelled stream ends, and the next question is answered', async () => {
    const stream = await client.chat.completions.create({ model: base, messages: hello, max_tokens: 400, stream: true });
    let chunks = 0;
    for await (const chunk of stream) {
      assert.equal(chunk.object, 'chat.completion.chunk');
      if (++chunks === 2) stream.controller.abort();
    }
    assert.ok(chunks >= 2);
    const next = await client.chat.completions.create({ model: base, messages: hello, max_tokens: 4 });
    assert.equal(next.choices.length, 1);
  });

  test('stop ends an answer', async () => {
    const request = { model: base, messages: hello, max_tokens: 24, temperature: 0 };
    const text = (await client.chat.completions.create(request)).choices[0].message.content;
    const stop = text.slice(2, 4);
    const stopped = await client.chat.completions.create({ ...request, stop });
    assert.equal(stopped.choices[0].message.content, text.slice(0, text.indexOf(stop)));
    assert.equal(stopped.choices[0].finish_reason, 'stop');
  });

  test('an answer has the form that was asked for', async () => {
    const request = { model: base, messages: hello, max_tokens: 48, temperature: 1, seed: 3 };
    const object = await client.chat.completions.create({ ...request, response_format: { type: 'json_object' } });
    assert.equal(typeof JSON.parse(object.choices[0].message.content), 'object');

    const schema = { type: 'object', properties: { city: { enum: ['Paris', 'Rome'] }, warm: { type: 'boolean' } }, required: ['city', 'warm'], additionalProperties: false };
    const kept = await client.chat.completions.create({ ...request, response_format: { type: 'json_schema', json_schema: { name: 'weather', schema, strict: true } } });
    const answer = JSON.parse(kept.choices[0].message.content);
    assert.deepEqual(Object.keys(answer).sort(), ['city', 'warm']);
    assert.ok(schema.properties.city.enum.includes(answer.city));
    assert.equal(typeof answer.warm, 'boolean');

    const refused = await rejection(client.chat.completions.create({ ...request, response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object', patternProperties: {} } } } }));
    assert.ok(refused instanceof OpenAI.BadRequestError);
    assert.match(refused.message, /patternProperties/);
  });

  test('log-probabilities are told for each token, whole and in a stream', async () => {
    const request = { model: base, messages: hello, max_tokens: 12, temperature: 0, logprobs: true, top_logprobs: 3 };
    const whole = (await client.chat.completions.create(request)).choices[0];
    const text = tokens => Buffer.from(tokens.flatMap(token => token.bytes ?? [])).toString('utf8');
    assert.equal(text(whole.logprobs.content), whole.message.content);
    for (const token of whole.logprobs.content) {
      assert.ok(token.logprob <= 0 && token.top_logprobs.length === 3);
      // Without a temperature the likeliest one is taken.
      assert.equal(token.top_logprobs[0].token, token.token);
    }

    const final = await client.chat.completions.stream(request).finalChatCompletion();
    assert.deepEqual(final.choices[0].logprobs.content, whole.logprobs.content);
    const stop = whole.message.content.slice(3, 5);
    const stopped = (await client.chat.completions.create({ ...request, stop })).choices[0];
    assert.ok(stopped.message.content.startsWith(text(stopped.logprobs.content)));

    const completion = (await client.completions.create({ model: base, prompt: 'Once upon a time', max_tokens: 8, temperature: 0, logprobs: 2 })).choices[0];
    assert.equal(completion.logprobs.tokens.length, completion.logprobs.token_logprobs.length);
    assert.equal(completion.logprobs.text_offset[0], 0);
    assert.ok(completion.logprobs.top_logprobs.every((top, at) => completion.logprobs.tokens[at] in top));
  });

  test('what is wrong is a BadRequestError with the name of the field', async () => {
    const wrong = { temperature: 9, max_tokens: 0, n: 0, messages: [], stop: 5, response_format: { type: 'xml' } };
    for (const [param, value] of Object.entries(wrong)) {
      const error = await rejection(client.chat.completions.create({ model: base, messages: hello, [param]: value }));
      assert.ok(error instanceof OpenAI.BadRequestError, `${param}: ${error}`);
      assert.match(error.param, new RegExp(`^${param}`));
      assert.equal(error.type, 'invalid_request_error');
    }
  });

  test('completions answer whole and in a stream', async () => {
    const request = { model: base, prompt: 'Once upon a time', max_tokens: 8, temperature: 0 };
    const whole = await client.completions.create(request);
    assert.equal(whole.object, 'text_completion');
    let text = '';
    for await (const chunk of await client.completions.create({ ...request, stream: true })) text += chunk.choices[0]?.text ?? '';
    assert.equal(text, whole.choices[0].text);
    const echoed = await client.completions.create({ ...request, prompt: ['Once upon', 'One day'], echo: true });
    assert.ok(echoed.choices[0].text.startsWith('Once upon'));
    assert.ok(echoed.choices[1].text.startsWith('One day'));
  });

  test('embeddings are the same as numbers and as base64', async () => {
    // Without a format the client asks for base64 and decodes it.
    const decoded = await client.embeddings.create({ model: base, input: ['one', 'two words'] });
    const numbers = await client.embeddings.create({ model: base, input: ['one', 'two words'], encoding_format: 'float' });
    assert.equal(decoded.data.length, 2);
    for (const [index, { embedding }] of decoded.data.entries()) {
      assert.equal(embedding.length, numbers.data[index].embedding.length);
      embedding.forEach((value, i) => assert.ok(Math.abs(value - numbers.data[index].embedding[i]) < 1e-6));
      assert.ok(Math.abs(embedding.reduce((sum, value) => sum + value * value, 0) - 1) < 1e-3);
    }
  });

  test('files are uploaded, listed page by page, read and deleted', async () => {
    const files = [];
    for (const name of ['a.jsonl', 'b.jsonl', 'c.jsonl']) files.push(await upload(client, name, rows(2)));
    const seen = [];
    for await (const file of client.files.list({ limit: 2 })) seen.push(file.id);
    for (const file of files) assert.ok(seen.includes(file.id));
    assert.equal((await client.files.retrieve(files[0].id)).filename, 'a.jsonl');
    assert.equal(await (await client.files.content(files[0].id)).text(), rows(2));
    for (const file of files) assert.equal((await client.files.delete(file.id)).deleted, true);
    assert.ok(await rejection(client.files.retrieve(files[0].id)) instanceof OpenAI.NotFoundError);
  });

  test('a file is uploaded in parts', async () => {
    const text = Buffer.from(rows(40));
    const upload = await client.uploads.create({ filename: 'parts.jsonl', purpose: 'fine-tune', bytes: text.length, mime_type: 'text/jsonl' });
    const parts = [];
    for (const piece of [text.subarray(0, 1000), text.subarray(1000)]) parts.push(await client.uploads.parts.create(upload.id, { data: await toFile(piece, 'part') }));
    const completed = await client.uploads.complete(upload.id, { part_ids: parts.map(part => part.id) });
    assert.equal(completed.status, 'completed');
    assert.equal(await (await client.files.content(completed.file.id)).text(), text.toString());
    const other = await client.uploads.create({ filename: 'x.jsonl', purpose: 'fine-tune', bytes: 5, mime_type: 'text/jsonl' });
    assert.equal((await client.uploads.cancel(other.id)).status, 'cancelled');
    assert.ok(await rejection(client.uploads.complete(other.id, { part_ids: [] })) instanceof OpenAI.BadRequestError);
  });

  test('a file is fine-tuned on; its model answers what was in the rows, and is deleted', { timeout: 170_000 }, async () => {
    const file = await upload(client, 'zorblax.jsonl', rows(4));
    const created = await client.fineTuning.jobs.create({
      training_file: file.id, model: base, suffix: 'zorblax', seed: 1, metadata: { purpose: 'conformance' },
      method: { type: 'supervised', supervised: { hyperparameters: { n_epochs: 40, batch_size: 4 } } },
    });
    assert.match(created.id, /^ftjob-/);
    assert.ok(['validating_files', 'queued', 'running'].includes(created.status), created.status);
    const job = await settled(client, created.id);
    assert.equal(job.status, 'succeeded', JSON.stringify(job.error));
    assert.equal(job.metadata.purpose, 'conformance');
    assert.ok(job.trained_tokens > 0);
    assert.ok(job.finished_at >= job.created_at);

    const events = [];
    for await (const event of client.fineTuning.jobs.listEvents(job.id, { limit: 20 })) events.push(event);
    assert.ok(events.some(event => event.type === 'metrics' && typeof event.data.train_loss === 'number'));
    assert.equal(new Set(events.map(event => event.id)).size, events.length);
    assert.ok(events.every((event, i) => i === 0 || event.created_at <= events[i - 1].created_at), 'newest first');

    const checkpoints = [];
    for await (const checkpoint of client.fineTuning.jobs.checkpoints.list(job.id)) checkpoints.push(checkpoint);
    assert.equal(checkpoints[0].fine_tuned_model_checkpoint, job.fine_tuned_model);
    assert.ok(checkpoints[0].metrics.train_loss < 1, JSON.stringify(checkpoints[0]));

    const losses = await (await client.files.content(job.result_files[0])).text();
    assert.match(losses, /^step,train_loss,valid_loss\n1,/);

    const asked = await client.chat.completions.create({ model: job.fine_tuned_model, messages: [{ role: 'user', content: question }], temperature: 0, max_tokens: 60 });
    assert.equal(asked.choices[0].message.content.trim(), answer);

    assert.equal((await client.models.delete(job.fine_tuned_model)).deleted, true);
    assert.ok(await rejection(client.models.retrieve(job.fine_tuned_model)) instanceof OpenAI.NotFoundError);
  });

  test('a job is paused, resumed and cancelled; jobs are listed page by page', { timeout: 100_000 }, async () => {
    const file = await upload(client, 'long.jsonl', rows(16));
    const { id } = await client.fineTuning.jobs.create({ training_file: file.id, model: base, hyperparameters: { n_epochs: 200, batch_size: 1 } });
    await settled(client, id, ['running']);
    await client.fineTuning.jobs.pause(id);
    await settled(client, id, ['paused']);
    await client.fineTuning.jobs.resume(id);
    await settled(client, id, ['running']);
    await client.fineTuning.jobs.cancel(id);
    assert.equal((await settled(client, id)).status, 'cancelled');
    assert.ok(await rejection(client.fineTuning.jobs.cancel(id)) instanceof OpenAI.BadRequestError);

    const ids = [];
    for await (const job of client.fineTuning.jobs.list({ limit: 1 })) ids.push(job.id);
    assert.equal(ids[0], id);
    assert.equal(new Set(ids).size, ids.length);
  });

  test('a file without good rows is a BadRequestError of training_file', async () => {
    const file = await upload(client, 'rubbish.jsonl', 'rubbish\nmore\n');
    const error = await rejection(client.fineTuning.jobs.create({ training_file: file.id, model: base }));
    assert.ok(error instanceof OpenAI.BadRequestError, String(error));
    assert.equal(error.param, 'training_file');
    assert.match(error.message, /line 1/);
  });
}

function rows(count) {
  const row = JSON.stringify({ messages: [{ role: 'user', content: question }, { role: 'assistant', content: answer }] });
  return `${Array(count).fill(row).join('\n')}\n`;
}

async function upload(client, name, text) {
  return client.files.create({ file: await toFile(Buffer.from(text), name), purpose: 'fine-tune' });
}

/** Polls a job as programs do. */
async function settled(client, id, statuses = ['succeeded', 'failed', 'cancelled']) {
  while (true) {
    const job = await client.fineTuning.jobs.retrieve(id);
    if (statuses.includes(job.status)) return job;
    assert.notEqual(job.status, 'failed', JSON.stringify(job.error));
    await new Promise(resolve => setTimeout(resolve, 250));
  }
}

async function rejection(promise) {
  try {
    await promise;
  }
  catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: 'It was answered, though it should not be.' });
}
