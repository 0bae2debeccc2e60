namespace Qianfan.Sdk.Training;

/// <summary>Where a fine-tuning stands.</summary>
/// <remarks>Seed: <c>qianfan.trainer.consts.FinetuneStatus</c>, and what later versions added.</remarks>
public enum FinetuneStatus
{
    /// <summary>Not known: nothing has begun.</summary>
    Unknown,

    /// <summary>The training task is being created (<c>TrainCreated</c> in later versions).</summary>
    Created,

    /// <summary>Training.</summary>
    Training,

    /// <summary>Training ended well.</summary>
    TrainFinished,

    /// <summary>Training failed.</summary>
    TrainFailed,

    /// <summary>Training was stopped.</summary>
    TrainStopped,

    /// <summary>The model is being published.</summary>
    ModelPublishing,

    /// <summary>The model could not be published.</summary>
    ModelPublishFailed,

    /// <summary>The model is published.</summary>
    ModelPublished,

    /// <summary>The dataset is being loaded.</summary>
    DatasetLoading,

    /// <summary>The dataset is on the platform.</summary>
    DatasetLoaded,

    /// <summary>The dataset could not be loaded.</summary>
    DatasetLoadFailed,

    /// <summary>Loading was stopped.</summary>
    DatasetLoadStopped,

    /// <summary>An evaluation is being created.</summary>
    EvaluationCreated,

    /// <summary>An evaluation runs.</summary>
    EvaluationRunning,

    /// <summary>An evaluation ended well.</summary>
    EvaluationFinished,

    /// <summary>An evaluation failed.</summary>
    EvaluationFailed,

    /// <summary>An evaluation was stopped.</summary>
    EvaluationStopped,
}

/// <summary>Where a service stands, as the trainer tells it.</summary>
/// <remarks>Seed: <c>qianfan.trainer.consts.ServiceStatus</c>.</remarks>
public enum ServiceStatus
{
    /// <summary>Not known.</summary>
    Unknown,

    /// <summary>Being created.</summary>
    Created,

    /// <summary>Being deployed.</summary>
    Deploying,

    /// <summary>Answers requests.</summary>
    Deployed,

    /// <summary>Could not be deployed.</summary>
    DeployFailed,

    /// <summary>Stopped.</summary>
    DeployStopped,
}

/// <summary>How a service is called.</summary>
/// <remarks>Seed: <c>qianfan.trainer.consts.ServiceType</c>.</remarks>
public enum ServiceType
{
    /// <summary>With messages.</summary>
    Chat,

    /// <summary>With a prompt.</summary>
    Completion,

    /// <summary>With texts that become vectors.</summary>
    Embedding,

    /// <summary>With a prompt that becomes an image.</summary>
    Text2Image,
}

/// <summary>Whose machines a service runs on. On the wire of V1: 1 public, 2 private.</summary>
/// <remarks>Seed: <c>qianfan.consts.DeployPoolType</c>, whose two names were swapped.</remarks>
public enum DeployPoolType
{
    /// <summary>Shared with others.</summary>
    PublicResource = 1,

    /// <summary>One's own.</summary>
    PrivateResource = 2,
}

/// <summary>Maps the states of actions to statuses of the trainer.</summary>
internal static class StatusMap
{
    public static string Of(BaseAction action) => action switch
    {
        DeployAction => Deploy(action.State).ToString(),
        LoadDataSetAction => Load(action.State).ToString(),
        TrainAction => Train(action.State).ToString(),
        ModelPublishAction => Publish(action.State).ToString(),
        Pipeline { CurrentAction: { } current } => Of(current),
        _ => FinetuneStatus.Unknown.ToString(),
    };

    public static ServiceStatus Deploy(ActionState state) => state switch
    {
        ActionState.Preceding => ServiceStatus.Created,
        ActionState.Running => ServiceStatus.Deploying,
        ActionState.Done => ServiceStatus.Deployed,
        ActionState.Error => ServiceStatus.DeployFailed,
        _ => ServiceStatus.DeployStopped,
    };

    private static FinetuneStatus Load(ActionState state) => state switch
    {
        ActionState.Preceding or ActionState.Running => FinetuneStatus.DatasetLoading,
        ActionState.Done => FinetuneStatus.DatasetLoaded,
        ActionState.Error => FinetuneStatus.DatasetLoadFailed,
        _ => FinetuneStatus.DatasetLoadStopped,
    };

    private static FinetuneStatus Train(ActionState state) => state switch
    {
        ActionState.Preceding => FinetuneStatus.Created,
        ActionState.Running => FinetuneStatus.Training,
        ActionState.Done => FinetuneStatus.TrainFinished,
        ActionState.Error => FinetuneStatus.TrainFailed,
        _ => FinetuneStatus.TrainStopped,
    };

    private static FinetuneStatus Publish(ActionState state) => state switch
    {
        ActionState.Preceding or ActionState.Running => FinetuneStatus.ModelPublishing,
        ActionState.Done => FinetuneStatus.ModelPublished,
        _ => FinetuneStatus.ModelPublishFailed,
    };
}
