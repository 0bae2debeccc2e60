using System.Text;
using CsCheck;

namespace Qianfan.Sdk.Tests.Properties;

/// <summary>Texts as people and programs write them, and as they should not.</summary>
internal static class Texts
{
    private static readonly Gen<string> s_piece = Gen.OneOf(
        Gen.String[Gen.Char.AlphaNumeric, 0, 8],
        Gen.String[Gen.Char[' ', '~'], 0, 8],
        Gen.String[Gen.Char['\u4e00', '\u4eff'], 0, 6],
        Gen.OneOf("\"", "\\", "\n", "\r\n", "\t", "😀", "é", "\u2028", "]},{", "data:", "a&b=c", "\0", "%2F", "\u3000"));

    /// <summary>Any text, without halves of surrogate pairs.</summary>
    public static Gen<string> Any { get; } = s_piece.Array[0, 5].Select(string.Concat);

    /// <summary>Any text that is not blank.</summary>
    public static Gen<string> Full { get; } = Any.Select(text => string.IsNullOrWhiteSpace(text) ? text + "x" : text);

    /// <summary>Any text, with halves of surrogate pairs.</summary>
    public static Gen<string> Broken { get; } = Gen.OneOf(Any, Gen.String[Gen.Char, 0, 8]);

    public static byte[] Utf8(this string text) => Encoding.UTF8.GetBytes(text);
}
