using Microsoft.AspNetCore.Http;
using Qianfan.Platform.Access;

namespace Qianfan.Platform.Http;

/// <summary>The actions of a console V2 address: <c>POST /v2/{area}?Action={name}</c>.</summary>
/// <remarks><typeparamref name="TService"/> is what the handlers work with; it comes from the container.</remarks>
internal sealed class ActionTable<TService> where TService : class
{
    private readonly Dictionary<string, (Needs Needs, Type Request, Func<HttpContext, PlatformCaller, TService, Task<object?>> Run)> _actions = new(StringComparer.Ordinal);

    /// <summary>An action for keys that may look.</summary>
    public ActionTable<TService> Read<TRequest>(string name, Func<TService, PlatformCaller, TRequest, CancellationToken, Task<object?>> handler) => Add(name, Needs.ToRead, handler);

    /// <summary>An action for keys that may change something.</summary>
    public ActionTable<TService> Write<TRequest>(string name, Func<TService, PlatformCaller, TRequest, CancellationToken, Task<object?>> handler) => Add(name, Needs.ToWrite, handler);

    /// <summary>Names, what they ask of a key, and what their body is read as.</summary>
    public IEnumerable<(string Name, Needs Needs, Type Request)> Actions => _actions.Select(action => (action.Key, action.Value.Needs, action.Value.Request));

    /// <summary>Answers a request.</summary>
    public async Task<IResult> InvokeAsync(HttpContext context, PlatformCaller caller, TService service)
    {
        var name = context.Request.Query["Action"].ToString();
        if (!_actions.TryGetValue(name, out var action))
        {
            throw new PlatformException(
                PlatformError.UnknownRoute,
                name.Length == 0 ? "The query parameter Action is missing" : $"There is no action {PlatformException.Shown(name)}; there are {string.Join(", ", _actions.Keys)}");
        }

        if (!action.Needs.AreMetBy(caller.Key)) throw action.Needs.Refusal(caller.Key);
        return Answers.V2(await action.Run(context, caller, service));
    }

    private ActionTable<TService> Add<TRequest>(string name, Needs needs, Func<TService, PlatformCaller, TRequest, CancellationToken, Task<object?>> handler)
    {
        _actions.Add(name, (needs, typeof(TRequest), async (context, caller, service) => await handler(service, caller, await Bodies.ReadAsync<TRequest>(context), context.RequestAborted)));
        return this;
    }
}

/// <summary>The body of an action without parameters.</summary>
internal sealed record NoParameters;
