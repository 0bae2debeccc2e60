using System.Security.Cryptography;

namespace Qianfan.Platform.Data;

/// <summary>Makes text ids as Qianfan does: a prefix and random <c>[a-z0-9]</c>.</summary>
internal static class PublicId
{
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

    public static string Dataset() => New("ds-", 16);

    public static string DatasetGroup() => New("dg-", 12);

    public static string DatasetExport() => New("export-", 12);

    public static string Job() => New("job-", 12);

    public static string Task() => New("task-", 12);

    public static string ModelSet() => New("am-", 12);

    public static string ModelVersion() => New("amv-", 12);

    public static string Export() => New("amemt-", 12);

    public static string Service() => New("svco-", 12);

    /// <summary>The last part of an address that nobody chose.</summary>
    public static string Endpoint() => New("ep_", 12);

    public static string File() => New("file-", 24);

    public static string Upload() => New("upload_", 24);

    public static string UploadPart() => New("part_", 24);

    public static string Answer(string prefix) => New(prefix, 20);

    private static string New(string prefix, int length) => prefix + RandomNumberGenerator.GetString(Alphabet, length);
}
