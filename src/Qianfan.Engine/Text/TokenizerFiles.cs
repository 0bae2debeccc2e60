using System.Text.Json;
using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Text;

/// <summary>Writes the tokenizer's files of a new base model.</summary>
internal static class TokenizerFiles
{
    /// <summary>Special tokens of models that this engine makes, in order of their ids, after the BPE tokens.</summary>
    public static readonly IReadOnlyList<string> Special = [ChatTemplate.EndOfText, ChatTemplate.TurnStart, ChatTemplate.TurnEnd];

    /// <summary>Writes tokenizer.json, tokenizer_config.json and generation_config.json.</summary>
    public static void Write(string directory, IReadOnlyList<string> tokens, IReadOnlyList<(string Left, string Right)> merges, int contextLength)
    {
        var special = Special.Select((content, index) => new
        {
            id = tokens.Count + index,
            content,
            single_word = false,
            lstrip = false,
            rstrip = false,
            normalized = false,
            special = true,
        }).ToList();
        var tokenizer = new
        {
            version = "1.0",
            truncation = (object?)null,
            padding = (object?)null,
            added_tokens = special,
            normalizer = (object?)null,
            pre_tokenizer = new
            {
                type = "Sequence",
                pretokenizers = new object[]
                {
                    new { type = "Split", pattern = new { Regex = BpeTrainer.Pattern }, behavior = "Isolated", invert = false },
                    new { type = "ByteLevel", add_prefix_space = false, trim_offsets = false, use_regex = false },
                },
            },
            post_processor = (object?)null,
            decoder = new { type = "ByteLevel", add_prefix_space = false, trim_offsets = false, use_regex = false },
            model = new
            {
                type = "BPE",
                dropout = (object?)null,
                unk_token = (object?)null,
                continuing_subword_prefix = "",
                end_of_word_suffix = "",
                fuse_unk = false,
                byte_fallback = false,
                ignore_merges = false,
                vocab = tokens.Select((token, id) => (token, id)).ToDictionary(entry => entry.token, entry => entry.id),
                merges = merges.Select(merge => $"{merge.Left} {merge.Right}"),
            },
        };
        Save(TokenizerJson.FileName, tokenizer);
        Save(ChatTemplate.FileName, new
        {
            tokenizer_class = "PreTrainedTokenizerFast",
            model_max_length = contextLength,
            bos_token = (string?)null,
            eos_token = ChatTemplate.TurnEnd,
            pad_token = ChatTemplate.EndOfText,
            clean_up_tokenization_spaces = false,
            chat_template = ChatTemplate.Source,
        });
        Save(StopTokens.FileName, new { eos_token_id = new[] { tokens.Count + 2, tokens.Count }, pad_token_id = tokens.Count });

        void Save(string name, object content) =>
            CheckpointFolder.WriteAtomically(Path.Combine(directory, name), JsonSerializer.Serialize(content, CheckpointFolder.Indented));
    }
}
