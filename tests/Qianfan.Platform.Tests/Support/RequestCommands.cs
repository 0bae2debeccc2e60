using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform.Data;

namespace Qianfan.Platform.Tests.Support;

/// <summary>Notes the database commands that requests have run; those of loops in the background are not among them.</summary>
internal sealed class RequestCommands : DbCommandInterceptor
{
    private readonly ConcurrentQueue<string> _texts = new();
    private readonly HttpContextAccessor _requests = new();

    public IReadOnlyCollection<string> Texts => _texts;

    public void Forget() => _texts.Clear();

    /// <summary>Has a platform tell of its commands.</summary>
    public void AddTo(IServiceCollection services)
    {
        // Only with one registered does the server say which request is at hand.
        services.AddSingleton<IHttpContextAccessor>(_requests);
        services.ConfigureDbContext<PlatformDbContext>(context => context.AddInterceptors(this));
    }

    public override DbCommand CommandInitialized(CommandEndEventData eventData, DbCommand result)
    {
        if (_requests.HttpContext is not null) _texts.Enqueue(result.CommandText);
        return result;
    }
}
