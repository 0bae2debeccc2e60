namespace Qianfan.Sdk.Training;

/// <summary>Something that turns an input into an output by doing work.</summary>
/// <typeparam name="TInput">What it takes.</typeparam>
/// <typeparam name="TOutput">What it gives.</typeparam>
/// <remarks>Seed: <c>qianfan.trainer.base.Executable</c>.</remarks>
public interface IExecutable<in TInput, TOutput>
{
    /// <summary>Does the work.</summary>
    Task<TOutput> ExecAsync(TInput? input = default, CancellationToken cancellationToken = default);
}

/// <summary>Something that can be written down as text and come back on another machine (by a static <c>Loads</c>).</summary>
/// <remarks>Seed: <c>qianfan.trainer.base.Serializable</c>.</remarks>
public interface ISerializable
{
    /// <summary>The state as versioned JSON; no network, callable at any moment.</summary>
    string Dumps();
}

/// <summary>Both <see cref="IExecutable{TInput, TOutput}"/> and <see cref="ISerializable"/>.</summary>
/// <typeparam name="TInput">What it takes.</typeparam>
/// <typeparam name="TOutput">What it gives.</typeparam>
/// <remarks>Seed: <c>qianfan.trainer.base.ExecuteSerializable</c>.</remarks>
public interface IExecuteSerializable<in TInput, TOutput> : IExecutable<TInput, TOutput>, ISerializable
{
}
