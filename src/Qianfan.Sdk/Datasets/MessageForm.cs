namespace Qianfan.Sdk.Datasets;

/// <summary>How a list of messages is spelt.</summary>
/// <param name="List">The field that holds it.</param>
/// <param name="RoleName">Who says something.</param>
/// <param name="Role">The same, as it is spelt.</param>
/// <param name="ContentName">What is said.</param>
/// <param name="Content">The same, as it is spelt.</param>
/// <param name="Roles">The roles, for people.</param>
internal sealed record MessageForm(string List, RowName RoleName, string Role, RowName ContentName, string Content, string Roles)
{
    public static MessageForm OpenAi { get; } = new("messages", RowName.Role, "role", RowName.Content, "content", "system, user or assistant");

    public static MessageForm ShareGpt { get; } = new("conversations", RowName.From, "from", RowName.Value, "value", "system, human or gpt");

    /// <summary>The role in the internal form, or null when it is none.</summary>
    public string? RoleOf(in JsonRow row, int text)
    {
        if (row.TextEquals(text, "user"u8) || (this == ShareGpt && row.TextEquals(text, "human"u8)))
        {
            return "user";
        }

        if (row.TextEquals(text, "assistant"u8) || (this == ShareGpt && (row.TextEquals(text, "gpt"u8) || row.TextEquals(text, "chatgpt"u8))))
        {
            return "assistant";
        }

        return row.TextEquals(text, "system"u8) || (this == OpenAi && row.TextEquals(text, "developer"u8)) ? "system" : null;
    }
}
