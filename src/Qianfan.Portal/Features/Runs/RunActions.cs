namespace Qianfan.Portal.Features.Runs;

/// <summary>Names of the SDK's action classes, as events carry them.</summary>
public static class RunActions
{
    public const string Pipeline = nameof(Pipeline);
    public const string LoadDataSetAction = nameof(LoadDataSetAction);
    public const string TrainAction = nameof(TrainAction);
    public const string ModelPublishAction = nameof(ModelPublishAction);
    public const string DeployAction = nameof(DeployAction);

    /// <summary>The steps of a run, in order.</summary>
    public static IReadOnlyList<string> Of(RunKind kind, bool deploys) => (kind, deploys) switch
    {
        (RunKind.Deploy, _) => [DeployAction],
        (RunKind.Followed, _) => [TrainAction],
        (_, true) => [LoadDataSetAction, TrainAction, ModelPublishAction, DeployAction],
        _ => [LoadDataSetAction, TrainAction, ModelPublishAction],
    };
}
