using Qianfan.Platform.Http;
using Qianfan.Platform.Models;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Services;

/// <summary>What services answer: the words for it, and what follows from it.</summary>
internal static class ServiceKinds
{
    /// <summary>The word on the wire, which stands in addresses too.</summary>
    public static string Wire(this ServiceKind kind) => kind switch
    {
        ServiceKind.Completions => "completions",
        ServiceKind.Embeddings => "embeddings",
        _ => "chat",
    };

    /// <summary>The kind of a word on the wire.</summary>
    /// <exception cref="PlatformException">There is none.</exception>
    public static ServiceKind Parse(string word) => Enum.GetValues<ServiceKind>().Where(kind => kind.Wire() == word).Select(kind => (ServiceKind?)kind).FirstOrDefault()
        ?? throw PlatformException.Invalid("serviceType", $"param[serviceType] invalid: it must be chat, completions or embeddings, not {PlatformException.Shown(word)}");

    /// <summary>What a version is served as when nobody says: one that learnt plain text has never seen a conversation.</summary>
    public static ServiceKind For(ModelVersionRow version) => version.TrainMode == TrainMode.PostPretrain.Value ? ServiceKind.Completions : ServiceKind.Chat;

    /// <summary>What a service of this kind can be asked.</summary>
    public static IReadOnlyList<ServiceKind> Answered(this ServiceKind kind) => kind == ServiceKind.Chat ? Enum.GetValues<ServiceKind>() : [kind];

    /// <summary>Refuses what the service doesn't answer, as if there were no model of its name at that address.</summary>
    public static void RefuseOther(this ServiceRow service, ServiceKind wanted)
    {
        if (service.Kind.Answered().Contains(wanted)) return;
        throw new PlatformException(PlatformError.UnknownModel, $"The model {service.UrlSuffix} answers {service.Kind.Wire()} and not {wanted.Wire()}", "model");
    }
}
