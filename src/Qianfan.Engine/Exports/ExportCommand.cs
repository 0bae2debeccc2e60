using System.Security.Cryptography;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Training;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Exports;

/// <summary><c>Qianfan.Engine export</c>: writes a model in a form that other programs open. Says on standard output how far it is.</summary>
internal static class ExportCommand
{
    private static readonly Dictionary<string, GgufType> s_ggufTypes = new(StringComparer.Ordinal)
    {
        ["gguf-f32"] = GgufType.F32,
        ["gguf-f16"] = GgufType.F16,
        ["gguf-q8_0"] = GgufType.Q8_0,
        ["gguf-q4_0"] = GgufType.Q4_0,
    };

    /// <returns>Exit code: 0, or 1 after <see cref="ExportFailed"/>.</returns>
    public static int Run(IReadOnlyList<string> words, Action<WorkerMessage> send)
    {
        try
        {
            var options = new CommandLine(words, "model", "adapter", "format", "out", "name", "shard-bytes");
            var (model, output, format) = (Path.GetFullPath(options.Required("model")), Path.GetFullPath(options.Required("out")), options.Required("format"));
            var adapter = options.Text("adapter") is { } folder ? Path.GetFullPath(folder) : null;
            var name = options.Text("name") ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(model));
            if (format == "adapter")
                WriteAdapter(model, adapter ?? throw new FormatException("--adapter is missing."), output, send);
            else if (format == "safetensors")
                WriteFolder(model, adapter, output, options.Whole("shard-bytes", WeightShards.MostBytes), send);
            else if (s_ggufTypes.TryGetValue(format, out var type))
                WriteGguf(model, adapter, output, type, name, send);
            else
                throw new FormatException($"There is no format {format}; use safetensors, adapter, {string.Join(", ", s_ggufTypes.Keys)}.");
            return 0;
        }
        catch (FormatException exception)
        {
            send(new ExportFailed(WorkerErrors.InvalidArgument, exception.Message));
        }
        catch (EngineException exception)
        {
            send(new ExportFailed(exception.Code, exception.Message));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            send(new ExportFailed(WorkerErrors.Storage, exception.Message));
        }
        return 1;
    }

    private static void WriteGguf(string model, string? adapter, string output, GgufType type, string name, Action<WorkerMessage> send)
    {
        using var weights = new MergedWeights(model, adapter);
        new GgufExport(weights.Shape, type).Write(output, weights, model, name, (done, total) => send(new ExportProgress(done, total)));
        Complete([output], send);
    }

    private static void WriteFolder(string model, string? adapter, string output, long shardBytes, Action<WorkerMessage> send) => Fill(output, send, folder =>
    {
        using var weights = new MergedWeights(model, adapter);
        // An adapter was trained to chat; a model that leaves as it came keeps its own texts.
        if (adapter is null)
            ModelFolder.CopyTexts(model, folder);
        else
            ModelFolder.CopyChatTexts(model, folder);
        new WeightShards(weights, shardBytes).Write(folder, (done, total) => send(new ExportProgress(done, total)));
        ModelCard.Write(folder, "model", weights.Provenance);
    });

    private static void WriteAdapter(string model, string adapter, string output, Action<WorkerMessage> send) => Fill(output, send, folder =>
    {
        // Read whole first: what doesn't fit the model is of no use to anybody.
        var read = PeftAdapter.Read(adapter, ModelShape.Read(model));
        foreach (var name in (string[])[PeftAdapter.ConfigFile, PeftAdapter.WeightsFile])
        {
            using var source = File.OpenRead(Path.Combine(adapter, name));
            CheckpointFolder.WriteAtomically(Path.Combine(folder, name), source.CopyTo);
        }
        ModelCard.Write(folder, "adapter", read.Metadata);
    });

    /// <summary>Fills a folder beside its place; it appears when it is complete. What stood there before stays if it has something in it.</summary>
    private static void Fill(string output, Action<WorkerMessage> send, Action<string> write)
    {
        if (Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).Any())
            throw new FormatException($"The folder {output} is not empty.");
        var unfinished = output + ".unfinished";
        if (Directory.Exists(unfinished))
            Directory.Delete(unfinished, recursive: true);
        Directory.CreateDirectory(unfinished);
        try
        {
            write(unfinished);
        }
        catch
        {
            Directory.Delete(unfinished, recursive: true);
            throw;
        }
        if (Directory.Exists(output))
            Directory.Delete(output);
        Directory.Move(unfinished, output);
        Complete(Directory.EnumerateFiles(output).Order(StringComparer.Ordinal), send);
    }

    private static void Complete(IEnumerable<string> paths, Action<WorkerMessage> send) => send(new ExportCompleted([.. paths.Select(path =>
    {
        using var stream = File.OpenRead(path);
        return new ExportedFile(path, stream.Length, Convert.ToHexStringLower(SHA256.HashData(stream)));
    })]));
}
