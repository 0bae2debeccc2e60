namespace Qianfan.Engine;

/// <summary>A fault that has a name: it reaches the platform as a code and a message, without a stack trace.</summary>
internal sealed class EngineException : Exception
{
    public EngineException(string code, string message, Exception? inner = null)
        : base(message, inner) => Code = code;

    /// <summary>One of <see cref="WorkerProtocol.WorkerErrors"/>.</summary>
    public string Code { get; }
}
