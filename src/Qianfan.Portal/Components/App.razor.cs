using System.Reflection;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Routing;
using Microsoft.AspNetCore.Components.Web;
using MudBlazor;

namespace Qianfan.Portal.Components;

/// <summary>The document. Pages are interactive without prerendering, except those that must write cookies: they are plain server-rendered forms.</summary>
public partial class App
{
    // The plain path has compressed variants, the fingerprinted one of this package has none; ?v= lets browsers keep it for good.
    private static readonly string MudVersion = typeof(MudTheme).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    [CascadingParameter]
    public required HttpContext HttpContext { get; set; }

    private IComponentRenderMode? PageRenderMode =>
        HttpContext.AcceptsInteractiveRouting() ? new InteractiveServerRenderMode(prerender: false) : null;
}
