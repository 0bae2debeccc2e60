using System.Text.Encodings.Web;
using System.Text.Json;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Checkpoints;

/// <summary>Reads the small files of a model folder, and writes files so that a reader never sees half of one.</summary>
internal static class CheckpointFolder
{
    /// <summary>No small file of a real model is larger; a tokenizer of 150,000 tokens takes 12 MB.</summary>
    private const long MostJsonBytes = 64 << 20;

    public static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <exception cref="EngineException">Code <c>invalid_model</c>: missing, too large or no JSON object.</exception>
    public static JsonDocument ReadJson(string directory, string name)
    {
        try
        {
            var bytes = ReadBytes(directory, name);
            var document = JsonDocument.Parse(bytes);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                document.Dispose();
                throw new EngineException(WorkerErrors.InvalidModel, $"{name} is no JSON object.");
            }
            // JSON may spell half of a character, which can't be read as text: better said here than met later.
            if ((bytes.AsSpan().IndexOf("\\ud"u8) >= 0 || bytes.AsSpan().IndexOf("\\uD"u8) >= 0) && !IsText(document.RootElement))
            {
                document.Dispose();
                throw new EngineException(WorkerErrors.InvalidModel, $"{name} holds half of a character (a surrogate alone).");
            }
            return document;
        }
        catch (JsonException exception)
        {
            throw new EngineException(WorkerErrors.InvalidModel, $"{name} is no valid JSON: {exception.Message}", exception);
        }
    }

    private static bool IsText(JsonElement element)
    {
        try
        {
            return element.ValueKind switch
            {
                JsonValueKind.String => element.GetString() is not null,
                JsonValueKind.Array => element.EnumerateArray().All(IsText),
                JsonValueKind.Object => element.EnumerateObject().All(entry => entry.Name is not null && IsText(entry.Value)),
                _ => true,
            };
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    /// <exception cref="EngineException">Code <c>invalid_model</c>: missing or too large.</exception>
    public static string ReadText(string directory, string name) => System.Text.Encoding.UTF8.GetString(ReadBytes(directory, name));

    private static byte[] ReadBytes(string directory, string name)
    {
        var path = Path.Combine(directory, name);
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists)
                throw new EngineException(WorkerErrors.InvalidModel, $"{name} is missing in {directory}.");
            if (file.Length > MostJsonBytes)
                throw new EngineException(WorkerErrors.InvalidModel, $"{name} is larger than {MostJsonBytes >> 20} MB.");
            return File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new EngineException(WorkerErrors.InvalidModel, $"{name} can't be read: {exception.Message}", exception);
        }
    }

    /// <summary>Writes to a temporary neighbour, flushes it to the disk, and renames it.</summary>
    public static void WriteAtomically(string path, Action<Stream> write)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var temporary = path + ".tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    public static void WriteAtomically(string path, string text) => WriteAtomically(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));
}
