using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Qianfan.Platform.Access;
using Qianfan.Platform.Inference;
using Qianfan.Platform.Reference;

namespace Qianfan.Platform.Http;

/// <summary>The platform's routes. Each has a family for its errors and needs a key; a path that none serves is answered by the family of its prefix.</summary>
internal sealed class RouteTable(IEndpointRouteBuilder endpoints)
{
    private const int LastOrder = 1_000_000;

    private readonly Dictionary<string, (ApiFamily Family, SortedSet<string> Methods)> _patterns = new(StringComparer.Ordinal);

    /// <summary>Adds routes of one API.</summary>
    public Section Family(ApiFamily family) => new(this, family);

    /// <summary>Answers what no route does: other methods of a known path with 405, other paths below a prefix with 404. Open to all: a host that asks for a login by default would answer an empty 401 here.</summary>
    public void Close(params IEnumerable<(string Prefix, ApiFamily Family)> prefixes)
    {
        foreach (var (pattern, (family, methods)) in _patterns)
        {
            var allowed = string.Join(", ", methods);
            family.Guard(endpoints.Map(pattern, context => RefuseMethod(context, allowed)).WithOrder(LastOrder)).AllowAnonymous().DisableAntiforgery().ExcludeFromDescription();
        }

        foreach (var (prefix, family) in prefixes)
        {
            family.Guard(endpoints.Map(prefix + "/{**path}", RefusePath).WithOrder(LastOrder + 1)).AllowAnonymous().DisableAntiforgery().ExcludeFromDescription();
        }
    }

    private static Task RefuseMethod(HttpContext context, string allowed)
    {
        context.Response.Headers.Allow = allowed;
        throw new PlatformException(PlatformError.MethodNotAllowed, $"{PlatformException.Shown(context.Request.Method)} is not allowed here, but {allowed}");
    }

    private static Task RefusePath(HttpContext context) =>
        throw new PlatformException(PlatformError.UnknownRoute, $"There is no {context.Request.Method} {PlatformException.Shown(context.Request.Path)}");

    /// <summary>Routes with one family.</summary>
    internal sealed class Section(RouteTable table, ApiFamily family)
    {
        /// <summary>A route for keys that may look.</summary>
        public Section Read(string method, string pattern, Delegate handler) => For(Needs.ToRead, method, pattern, handler);

        /// <summary>A route for keys that may change something.</summary>
        public Section Write(string method, string pattern, Delegate handler) => For(Needs.ToWrite, method, pattern, handler);

        /// <summary>A route for keys that may call models, whose requests are inference calls: with limits, and recorded.</summary>
        public Section Infer(string pattern, Delegate handler)
        {
            Add("POST", pattern, handler, Needs.ToCall, InferenceCall.Around);
            return this;
        }

        /// <summary>A route for keys that have what is asked for.</summary>
        public Section For(Needs needs, string method, string pattern, Delegate handler)
        {
            Add(method, pattern, handler, needs);
            return this;
        }

        /// <summary>A route without a key: where one is brought to be exchanged.</summary>
        public Section Open(string method, string pattern, Delegate handler)
        {
            Add(method, pattern, handler, null);
            return this;
        }

        /// <summary>The actions of a console V2 address; each says for itself what it asks of a key.</summary>
        public Section Actions<TService>(string pattern, ActionTable<TService> actions) where TService : class
        {
            Add("POST", pattern, (HttpContext context, PlatformCaller caller, TService service) => actions.InvokeAsync(context, caller, service), Needs.AnyKey, null, new ActionList([.. actions.Actions]));
            return this;
        }

        private void Add(string method, string pattern, Delegate handler, Needs? needs, Action<RouteHandlerBuilder>? around = null, params object[] metadata)
        {
            var route = table.Endpoints.MapMethods(pattern, [method], handler).DisableAntiforgery().WithMetadata(metadata);
            around?.Invoke(route);
            family.Guard(route);
            if (needs is null) route.AllowAnonymous();
            else route.WithMetadata(needs).RequireAuthorization(PlatformKeyDefaults.Policy);
            if (!table._patterns.TryGetValue(pattern, out var entry)) table._patterns[pattern] = entry = (family, new SortedSet<string>(StringComparer.Ordinal));
            entry.Methods.Add(method);
        }
    }

    private IEndpointRouteBuilder Endpoints => endpoints;
}
