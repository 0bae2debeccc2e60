namespace Qianfan.Sdk.Training;

/// <summary>An action or pipeline was stopped, by <see cref="BaseAction.StopAsync"/> or on the platform itself. Its state is <see cref="ActionState.Stopped"/>; it can be resumed.</summary>
public sealed class ActionStoppedException : QianfanException
{
    /// <summary>Creates the exception.</summary>
    public ActionStoppedException(string message) : base(message)
    {
    }
}

/// <summary>The event handler failed. The action is interrupted where it was, tells nobody of an error, and can be resumed from the last state that was written down.</summary>
public sealed class EventHandlerException : QianfanException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="innerException">What the handler threw.</param>
    public EventHandlerException(Exception innerException) : base("The event handler failed: " + innerException.Message, innerException)
    {
    }
}
