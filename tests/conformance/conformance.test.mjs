// One portal for all: starting it takes longer than most tests.
import { after, before, describe } from 'node:test';
import { openaiSuite } from './openai.suite.mjs';
import { poorPlatform, Portal } from './portal.mjs';
import { qianfanSuite } from './qianfan.suite.mjs';
import { quotaSuite } from './quota.suite.mjs';

const shared = {};

before(async () => {
  shared.portal = await Portal.start();
}, { timeout: 130_000 });

after(async () => {
  await shared.portal?.stop();
}, { timeout: 60_000 });

describe('openai', () => openaiSuite(shared));
describe('@baiducloud/qianfan', () => qianfanSuite(shared));

describe('quota exceeded', () => {
  const poor = {};

  before(async () => {
    poor.portal = await Portal.start(poorPlatform);
  }, { timeout: 130_000 });

  after(async () => {
    await poor.portal?.stop();
  }, { timeout: 60_000 });

  quotaSuite(poor);
});
