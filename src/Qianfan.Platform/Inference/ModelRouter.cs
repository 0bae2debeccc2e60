using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Http;
using Qianfan.Platform.Services;

namespace Qianfan.Platform.Inference;

/// <summary>Finds what a caller means by "model": a service of theirs (by endpoint or id), or a base model.</summary>
internal sealed class ModelRouter(IDbContextFactory<PlatformDbContext> contexts, ServiceDirectory services, BaseModelCatalog baseModels, DataFolders folders)
{
    /// <summary>Who is to answer.</summary>
    /// <param name="ownerId">Whose services.</param>
    /// <param name="name">As the caller names it.</param>
    /// <param name="kind">What is asked for; null for what any model can.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <exception cref="PlatformException">There is none of this name, it isn't ready, or it doesn't answer such requests.</exception>
    public async Task<Callee> FindAsync(string ownerId, string? name, ServiceKind? kind, CancellationToken cancellationToken)
    {
        if (string.IsNullOrEmpty(name)) throw PlatformException.Missing("model");
        if (baseModels.Find(name) is { } model) return new Callee(ModelSpec.Of(model, folders), model.Name, "", $"{ownerId}/{model.Name}", null);
        var service = await services.FindAsync(ownerId, name, cancellationToken) ?? throw Unknown(name);
        if (kind is { } wanted) service.RefuseOther(wanted);
        return service.State switch
        {
            ServiceState.Serving => new Callee(service.Model, service.Endpoint, service.Id, service.Id, service.Replicas),
            ServiceState.Failed => throw new PlatformException(PlatformError.Unavailable, $"Service {service.Name} failed to deploy: {service.Error}"),
            ServiceState.Stopped => throw new PlatformException(PlatformError.Unavailable, $"Service {service.Name} is stopped"),
            _ => throw new PlatformException(PlatformError.Unavailable, $"Service {service.Name} is being deployed; try again in a moment"),
        };
    }

    /// <summary>All that an owner can name: base models, then services.</summary>
    public async Task<IReadOnlyList<CallableModel>> ListAsync(string ownerId, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var own = await context.Services.AsNoTracking().Where(row => row.OwnerId == ownerId).OrderBy(row => row.Id)
            .Select(row => new CallableModel(row.UrlSuffix, row.CreatedAt, ownerId)).ToListAsync(cancellationToken);
        return [.. baseModels.List().Select(model => new CallableModel(model.Name, DateTimeOffset.UnixEpoch, "system")), .. own];
    }

    /// <summary>There is no such model, or it is somebody else's.</summary>
    public static PlatformException Unknown(string name) => new(PlatformError.UnknownModel, $"The model {PlatformException.Shown(name)} does not exist", "model");
}

/// <summary>Who answers a call.</summary>
/// <param name="Model">What the worker is asked for.</param>
/// <param name="Name">The service's endpoint, or the base model's name.</param>
/// <param name="ServiceId">The service (<c>svco-...</c>); empty for a base model.</param>
/// <param name="Lane">Calls with the same share slots: those of a service, and an owner's to a base model.</param>
/// <param name="Slots">How many of them decode at once; null for as many as the worker can.</param>
internal sealed record Callee(ModelSpec Model, string Name, string ServiceId, string Lane, int? Slots);

/// <summary>What can stand as <c>model</c> in a request.</summary>
internal sealed record CallableModel(string Id, DateTimeOffset Created, string Owner);
