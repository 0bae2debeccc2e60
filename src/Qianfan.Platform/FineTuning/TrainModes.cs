using Qianfan.Platform.Datasets;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.FineTuning;

/// <summary>The kinds of training that there are here, and what each takes.</summary>
internal static class TrainModes
{
    /// <summary>In the order in which they are listed.</summary>
    public static IReadOnlyList<TrainMode> All { get; } = [TrainMode.Sft, TrainMode.PostPretrain];

    /// <summary>Refuses another one.</summary>
    /// <exception cref="PlatformException">It is not one of <see cref="All"/>.</exception>
    public static void Require(TrainMode mode)
    {
        if (!All.Contains(mode))
            throw new PlatformException(PlatformError.NotSupported, $"param[trainMode] invalid: this platform trains by {string.Join(" or ", All)}, not by {PlatformException.Shown(mode.Value)}", "trainMode");
    }

    /// <summary>Refuses rows of a kind that the training can't learn from.</summary>
    /// <exception cref="PlatformException">The dataset is of another type.</exception>
    public static void RequireRows(TrainMode mode, DatasetRow dataset)
    {
        if (dataset.TemplateType != Template(mode))
            throw PlatformException.Invalid("versions", $"param[datasetConfig.versions] invalid: dataset {dataset.PublicId} holds {Rows(dataset.TemplateType)}; training by {mode} takes {Rows(Template(mode))}");
    }

    /// <summary>The type of the datasets that a kind of training takes.</summary>
    public static int Template(TrainMode mode) => mode == TrainMode.PostPretrain ? DatasetService.TextTemplate : DatasetService.ConversationTemplate;

    private static string Rows(int template) => $"{(template == DatasetService.TextTemplate ? "texts" : "prompt and response")} ({template})";
}
