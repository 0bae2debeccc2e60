using System.Runtime.InteropServices;
using System.Text;

namespace Qianfan.Engine.Tests;

/// <summary>llama.cpp through its C API, for the tests that make golden values. The library comes in an npm package; see <c>Golden/README.md</c>.</summary>
internal sealed unsafe class LlamaCpp : IDisposable
{
    private const int ThreadsAt = 28, FlashAttentionAt = 52, CacheTypeAt = 104;
    private static readonly Lazy<(nint Llama, nint Ggml)> s_library = new(Load);
    private readonly nint _model;
    private readonly nint _context;
    private readonly nint _vocabulary;

    /// <summary>Parameters are passed by value; they are larger than any version's.</summary>
    private struct Parameters
    {
        public fixed byte Bytes[512];
    }

    /// <summary>Passed on as it comes.</summary>
    private struct Batch
    {
        public fixed byte Bytes[56];
    }

    public LlamaCpp(string path)
    {
        _model = Call<nint>("llama_model_load_from_file", Encoding.UTF8.GetBytes(path + "\0"), ((delegate* unmanaged<Parameters>)Find("llama_model_default_params"))());
        if (_model == 0)
            throw new InvalidOperationException($"llama.cpp does not open {path}.");
        _vocabulary = ((delegate* unmanaged<nint, nint>)Find("llama_model_get_vocab"))(_model);
        Size = ((delegate* unmanaged<nint, int>)Find("llama_vocab_n_tokens"))(_vocabulary);
        var parameters = ((delegate* unmanaged<Parameters>)Find("llama_context_default_params"))();
        // Keys and values are kept in 16 bits and read by another kernel unless told otherwise: these are the places of this version.
        var types = (int*)(parameters.Bytes + CacheTypeAt);
        var flash = (int*)(parameters.Bytes + FlashAttentionAt);
        var threads = (int*)(parameters.Bytes + ThreadsAt);
        if (types[0] != 1 || types[1] != 1 || *flash != -1 || flash[1] != 0 || threads[0] != 4 || threads[1] != 4)
            throw new InvalidOperationException("The parameters of this version of llama.cpp lie elsewhere.");
        types[0] = types[1] = *flash = 0;
        // More threads than free cores, and they wait for each other for minutes.
        threads[0] = threads[1] = 1;
        _context = ((delegate* unmanaged<nint, Parameters, nint>)Find("llama_init_from_model"))(_model, parameters);
    }

    public int Size { get; }

    /// <summary>Takes one token more, and gives the scores of the next.</summary>
    public float[] Next(int token)
    {
        var batch = ((delegate* unmanaged<int*, int, Batch>)Find("llama_batch_get_one"))(&token, 1);
        if (((delegate* unmanaged<nint, Batch, int>)Find("llama_decode"))(_context, batch) != 0)
            throw new InvalidOperationException("llama_decode failed.");
        return new Span<float>(((delegate* unmanaged<nint, float*>)Find("llama_get_logits"))(_context), Size).ToArray();
    }

    public int[] Tokenize(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var tokens = new int[bytes.Length + 8];
        fixed (byte* from = bytes)
        fixed (int* to = tokens)
        {
            var count = ((delegate* unmanaged<nint, byte*, int, int*, int, byte, byte, int>)Find("llama_tokenize"))(_vocabulary, from, bytes.Length, to, tokens.Length, 0, 1);
            return tokens[..count];
        }
    }

    public void Dispose()
    {
        ((delegate* unmanaged<nint, void>)Find("llama_free"))(_context);
        ((delegate* unmanaged<nint, void>)Find("llama_model_free"))(_model);
    }

    private static T Call<T>(string name, byte[] text, Parameters parameters)
        where T : unmanaged
    {
        fixed (byte* at = text)
            return ((delegate* unmanaged<byte*, Parameters, T>)Find(name))(at, parameters);
    }

    private static nint Find(string name) => NativeLibrary.GetExport(s_library.Value.Llama, name);

    private static (nint Llama, nint Ggml) Load()
    {
        var folder = Golden.Source("node_modules", "@node-llama-cpp", "linux-x64", "bins", "linux-x64");
        var ggml = NativeLibrary.Load(Directory.GetFiles(folder, "libggml.v*.so").Single());
        var llama = NativeLibrary.Load(Directory.GetFiles(folder, "libllama.v*.so").Single());
        fixed (byte* path = Encoding.UTF8.GetBytes(folder + "\0"))
            ((delegate* unmanaged<byte*, void>)NativeLibrary.GetExport(ggml, "ggml_backend_load_all_from_path"))(path);
        return (llama, ggml);
    }
}
