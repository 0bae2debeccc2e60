using System.Security.Cryptography;
using System.Text;

namespace Qianfan.Sdk.Training;

/// <summary>Names of what an action creates on the platform: the wished name, cut to what the platform takes, and a suffix by which the thing is found again.</summary>
internal static class RemoteNames
{
    public const int MaxLength = 40;

    /// <summary>V1 takes 2 to 20 characters.</summary>
    public const int LengthOfV1Task = 20;

    /// <summary>The suffix of an action's execution: the same on every machine, and no other action's.</summary>
    public static string Suffix(string actionId, int run) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{actionId}#{run}")))[..10];

    public static string Create(string? wished, string fallback, string actionId, int run, int maxLength = MaxLength)
    {
        var suffix = Suffix(actionId, run);
        var name = new StringBuilder(maxLength);
        foreach (var c in string.IsNullOrWhiteSpace(wished) ? fallback : wished.Trim())
        {
            if (name.Length >= maxLength - suffix.Length - 1)
            {
                break;
            }

            // Letters of any script pass; the cloud refuses spaces and signs. Surrogate halves would be cut apart.
            name.Append(char.IsLetterOrDigit(c) || c is '-' or '_' ? c : '_');
        }

        return name.Append('_').Append(suffix).ToString();
    }
}
