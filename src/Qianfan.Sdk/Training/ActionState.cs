namespace Qianfan.Sdk.Training;

/// <summary>The five points in an action's execution that its events tell of.</summary>
/// <remarks>Seed: <c>qianfan.trainer.consts.ActionState</c>.</remarks>
public enum ActionState
{
    /// <summary>Before execution.</summary>
    Preceding,

    /// <summary>During execution; an action can report it many times.</summary>
    Running,

    /// <summary>Execution ended well.</summary>
    Done,

    /// <summary>Execution ended with an error.</summary>
    Error,

    /// <summary>Execution was stopped.</summary>
    Stopped,
}
