// The npm package @baiducloud/qianfan against the portal, V1 and V2.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import qianfan from '@baiducloud/qianfan';
import { accessKey, secretKey } from './portal.mjs';

const { ChatCompletion, Completions, Embedding, consoleAction, getBearToken, setEnvVariable } = qianfan;
const hello = { messages: [{ role: 'user', content: 'Hello' }] };

export function qianfanSuite(shared) {
  let url;

  before(() => {
    url = shared.portal.address;
    // The client reads these for its console calls and its bearer token.
    setEnvVariable('QIANFAN_CONSOLE_API_BASE_URL', url);
    setEnvVariable('QIANFAN_BEAR_TOKEN_URL', `${url}/v1/BCE-BEARER/token`);
    setEnvVariable('QIANFAN_ACCESS_KEY', accessKey);
    setEnvVariable('QIANFAN_SECRET_KEY', secretKey);
  });

  // An empty pair keeps the client from the one in the environment.
  const application = (secret = secretKey, options = {}) =>
    ({ QIANFAN_AK: accessKey, QIANFAN_SK: secret, QIANFAN_ACCESS_KEY: '', QIANFAN_SECRET_KEY: '', QIANFAN_BASE_URL: url, ...options });
  const iam = (secret = secretKey, options = {}) =>
    ({ QIANFAN_ACCESS_KEY: accessKey, QIANFAN_SECRET_KEY: secret, QIANFAN_BASE_URL: url, QIANFAN_CONSOLE_API_BASE_URL: url, ...options });

  for (const [name, keys] of [['an access token', application], ['a signature', iam]]) {
    test(`V1 chat with ${name}`, async () => {
      const answer = await new ChatCompletion(keys()).chat({ ...hello, max_output_tokens: 12 }, 'ERNIE-Lite-8K');
      assert.equal(answer.object, 'chat.completion', JSON.stringify(answer));
      assert.ok(answer.result.length > 0);
      assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
    });

    test(`V1 chat in a stream with ${name}`, async () => {
      const request = { ...hello, temperature: 0.01, top_k: 1, max_output_tokens: 12 };
      const whole = await new ChatCompletion(keys()).chat(request, 'ERNIE-Lite-8K');
      const chunks = await collect(await new ChatCompletion(keys()).chat({ ...request, stream: true }, 'ERNIE-Lite-8K'));
      assert.equal(chunks.map(chunk => chunk.result).join(''), whole.result);
      assert.deepEqual(chunks.map(chunk => chunk.sentence_id), chunks.map((_, index) => index));
      assert.deepEqual(chunks.map(chunk => chunk.is_end), chunks.map((_, index) => index === chunks.length - 1));
    });
  }

  test('V1 finds models by name in service/list', async () => {
    const answer = await new ChatCompletion(iam()).chat({ ...hello, max_output_tokens: 4 }, 'qianfan-tiny');
    assert.ok(answer.result.length > 0, JSON.stringify(answer));
    const listed = await consoleAction({ base_api_route: '/wenxinworkshop/service/list', data: {} });
    assert.ok(listed.result.common.some(service => service.name === 'qianfan-tiny' && service.apiType === 'embeddings'));
    assert.deepEqual(listed.result.custom, []);
  });

  test('V1 completions', async () => {
    const answer = await new Completions(iam()).completions({ prompt: 'Once upon a time', max_output_tokens: 6 }, 'SQLCoder-7B');
    assert.equal(answer.object, 'completion', JSON.stringify(answer));
    assert.ok(answer.result.length > 0);
  });

  test('V1 embeddings', async () => {
    const answer = await new Embedding(iam()).embedding({ input: ['one', 'two words'] }, 'Embedding-V1');
    assert.equal(answer.object, 'embedding_list', JSON.stringify(answer));
    assert.deepEqual(answer.data.map(entry => entry.index), [0, 1]);
    assert.ok(Math.abs(answer.data[1].embedding.reduce((sum, value) => sum + value * value, 0) - 1) < 1e-3);
  });

  test('V1 with a wrong key is refused in the words that the client knows', async () => {
    assert.match(String(await failure(new ChatCompletion(application('wrong-secret')).chat(hello, 'ERNIE-Lite-8K'))), /invalid_client|Client authentication failed|access token|401/i);
    const signed = await failure(new ChatCompletion(iam('wrong-secret', { Endpoint: 'qianfan-tiny' })).chat(hello));
    assert.match(String(signed), /14|Signature does not match/);
  });

  test('V1 with an unknown endpoint is told so', async () => {
    assert.match(String(await failure(new ChatCompletion(iam(secretKey, { Endpoint: 'nobodys' })).chat(hello))), /does not exist/);
  });

  test('V1: a stream that is left ends, and the next question is answered', async () => {
    const stream = await new ChatCompletion(iam()).chat({ ...hello, stream: true, max_output_tokens: 400 }, 'ERNIE-Lite-8K');
    for await (const chunk of stream) {
      assert.equal(chunk.sentence_id, 0);
      break;
    }
    const next = await new ChatCompletion(iam()).chat({ ...hello, max_output_tokens: 4 }, 'ERNIE-Lite-8K');
    assert.ok(next.result.length > 0);
  });

  test('a bearer token is minted, and reveals no secret', async () => {
    const minted = await getBearToken({ expireInSeconds: 3600 });
    assert.ok(minted.token.startsWith(`bce-v3/${accessKey}/`), JSON.stringify(minted));
    assert.ok(!minted.token.includes(secretKey));
    const life = new Date(minted.expireTime) - new Date(minted.createTime);
    assert.equal(life, 3_600_000);
  });

  test('V2 chat, whole and in a stream', async () => {
    const client = () => new ChatCompletion({ version: 'v2', QIANFAN_V2_BASE_URL: `${url}/v2/chat/completions`, QIANFAN_ACCESS_KEY: accessKey, QIANFAN_SECRET_KEY: secretKey });
    const request = { ...hello, temperature: 0, max_completion_tokens: 12 };
    const whole = await client().chat(request, 'qianfan-tiny');
    assert.ok(whole.choices?.[0].message.content.length > 0, JSON.stringify(whole));
    const chunks = await collect(await client().chat({ ...request, stream: true }, 'qianfan-tiny'));
    assert.equal(chunks.map(chunk => chunk.choices[0]?.delta.content ?? '').join(''), whole.choices[0].message.content);
  });

  test('V2 embeddings', async () => {
    const client = new Embedding({ version: 'v2', QIANFAN_V2_BASE_URL: `${url}/v2/embeddings`, QIANFAN_ACCESS_KEY: accessKey, QIANFAN_SECRET_KEY: secretKey });
    const answer = await client.embedding({ input: ['one'] }, 'qianfan-tiny');
    assert.equal(answer.data?.[0].object, 'embedding', JSON.stringify(answer));
  });

  test('V2 with a wrong bearer token and with an unknown model is refused', async () => {
    const wrong = new ChatCompletion({ version: 'v2', QIANFAN_V2_BASE_URL: `${url}/v2/chat/completions`, QIANFAN_BEARER_TOKEN: `bce-v3/${accessKey}/wrong` });
    assert.match(String(await failure(wrong.chat(hello, 'qianfan-tiny'))), /401|invalid_iam_token|wrong or has expired/);
    const right = new ChatCompletion({ version: 'v2', QIANFAN_V2_BASE_URL: `${url}/v2/chat/completions`, QIANFAN_BEARER_TOKEN: `bce-v3/${accessKey}/${secretKey}` });
    assert.match(String(await failure(right.chat(hello, 'nobodys'))), /404|invalid_model|does not exist/);
  });

  test('console V2 by signature', async () => {
    const models = await consoleAction({ base_api_route: '/v2/finetuning', action: 'DescribeFineTuningSupportModels', data: {} });
    const tiny = models.result.find(model => model.model === 'qianfan-tiny');
    assert.ok(tiny.supportTrainMode[0].supportParameterScale.length > 0);
    const services = await consoleAction({ base_api_route: '/v2/service', action: 'DescribeServices', data: { maxKeys: 5 } });
    assert.ok(Array.isArray(services.result.serviceList), JSON.stringify(services));
  });
}

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** What the client throws, or the error that it hands on. */
async function failure(promise) {
  let answer;
  try {
    answer = await promise;
  }
  catch (error) {
    return error;
  }
  assert.ok(answer.error_code || answer.error, `It was answered, though it should not be: ${JSON.stringify(answer)}`);
  return JSON.stringify(answer.error ?? answer);
}
