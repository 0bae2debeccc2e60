using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Qianfan.Benchmarks.Engine;

/// <summary>llama.cpp through its C API, with its own defaults but for the threads. The library comes in the npm package that the engine's golden values are made with.</summary>
internal sealed unsafe class LlamaPeer : IDisposable
{
    /// <summary>Places in the context's parameters, in 4 bytes each: those of the version that the package has.</summary>
    private const int ContextAt = 0, BatchAt = 1, SequencesAt = 3, ThreadsAt = 7;

    private readonly nint _library;
    private readonly nint _model;
    private readonly nint _context;

    [StructLayout(LayoutKind.Sequential)]
    private struct Batch
    {
        public int Count;
        public int* Tokens;
        public float* Embeddings;
        public int* Positions;
        public int* SequenceCounts;
        public int** Sequences;
        public byte* Logits;
    }

    /// <summary>Passed by value; larger than any version's.</summary>
    private struct Parameters
    {
        public fixed int Values[128];
    }

    public LlamaPeer(string path, int threads, int sequences)
    {
        var ggml = NativeLibrary.Load(Directory.GetFiles(Folder, "libggml.v*.so").Single());
        _library = NativeLibrary.Load(Directory.GetFiles(Folder, "libllama.v*.so").Single());
        ((delegate* unmanaged<nint, nint, void>)Find("llama_log_set"))((nint)(delegate* unmanaged<int, byte*, nint, void>)&Quiet, 0);
        fixed (byte* folder = Encoding.UTF8.GetBytes(Folder + "\0"))
        {
            ((delegate* unmanaged<byte*, void>)NativeLibrary.GetExport(ggml, "ggml_backend_load_all_from_path"))(folder);
        }

        fixed (byte* file = Encoding.UTF8.GetBytes(path + "\0"))
        {
            _model = ((delegate* unmanaged<byte*, Parameters, nint>)Find("llama_model_load_from_file"))(file, ((delegate* unmanaged<Parameters>)Find("llama_model_default_params"))());
        }

        if (_model == 0)
        {
            throw new InvalidOperationException($"llama.cpp does not open {path}.");
        }

        var parameters = ((delegate* unmanaged<Parameters>)Find("llama_context_default_params"))();
        if (parameters.Values[ContextAt] != 512 || parameters.Values[BatchAt] != 2048 || parameters.Values[SequencesAt] != 1 || parameters.Values[ThreadsAt] != 4 || parameters.Values[ThreadsAt + 1] != 4)
        {
            throw new InvalidOperationException("The parameters of this version of llama.cpp lie elsewhere.");
        }

        parameters.Values[ContextAt] = 512 * sequences;
        parameters.Values[SequencesAt] = sequences;
        parameters.Values[ThreadsAt] = parameters.Values[ThreadsAt + 1] = threads;
        _context = ((delegate* unmanaged<nint, Parameters, nint>)Find("llama_init_from_model"))(_model, parameters);
    }

    /// <summary>Whether the package is there.</summary>
    public static bool Found => Directory.Exists(Folder);

    private static string Folder => Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..", "Qianfan.Engine.Tests", "Golden", "node_modules", "@node-llama-cpp", "linux-x64", "bins", "linux-x64");

    /// <summary>Forgets all sequences.</summary>
    public void Clear() => ((delegate* unmanaged<nint, byte, void>)Find("llama_memory_clear"))(((delegate* unmanaged<nint, nint>)Find("llama_get_memory"))(_context), 1);

    /// <summary>Takes each sequence on by its tokens and computes the scores after each one's last.</summary>
    /// <param name="tokens">Tokens of each sequence, as many for one as for another.</param>
    /// <param name="position">How many came before.</param>
    public void Decode(int[][] tokens, int position)
    {
        var (sequences, length) = (tokens.Length, tokens[0].Length);
        var count = sequences * length;
        int[] all = [.. tokens.SelectMany(t => t)], positions = [.. Enumerable.Range(0, count).Select(i => position + (i % length))], ones = [.. Enumerable.Repeat(1, count)], ids = [.. Enumerable.Range(0, count).Select(i => i / length)];
        byte[] logits = [.. Enumerable.Range(0, count).Select(i => (byte)(i % length == length - 1 ? 1 : 0))];
        var pointers = new nint[count];
        fixed (int* t = all, p = positions, o = ones, id = ids)
        fixed (byte* l = logits)
        fixed (nint* at = pointers)
        {
            for (var i = 0; i < count; i++)
            {
                pointers[i] = (nint)(id + i);
            }

            var batch = new Batch { Count = count, Tokens = t, Positions = p, SequenceCounts = o, Sequences = (int**)at, Logits = l };
            if (((delegate* unmanaged<nint, Batch, int>)Find("llama_decode"))(_context, batch) != 0 || ((delegate* unmanaged<nint, float*>)Find("llama_get_logits"))(_context) == null)
            {
                throw new InvalidOperationException("llama_decode failed.");
            }
        }
    }

    public void Dispose()
    {
        ((delegate* unmanaged<nint, void>)Find("llama_free"))(_context);
        ((delegate* unmanaged<nint, void>)Find("llama_model_free"))(_model);
    }

    [UnmanagedCallersOnly]
    private static void Quiet(int level, byte* text, nint data)
    {
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;

    private nint Find(string name) => NativeLibrary.GetExport(_library, name);
}
