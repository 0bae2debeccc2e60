using Qianfan.Engine.Native;

namespace Qianfan.Engine.Tests;

/// <summary>Loads libtorch once; tests that use it run one after another.</summary>
public sealed class Torch
{
    public Torch() => TorchRuntime.Start(1);
}

// Alone: its tests keep all processors busy, and one of them watches the process's memory.
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class TorchTests : ICollectionFixture<Torch>
{
    public const string Name = "torch";
}
