using Microsoft.Extensions.Localization;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Features.Projects;

namespace Qianfan.Portal.Features.Connections;

/// <summary>Names of connections as people read them.</summary>
internal static class ConnectionNames
{
    /// <summary>The portal named the built-in platform itself, so its name is in the reader's language; all other names are what somebody typed in.</summary>
    public static string ConnectionName(this IStringLocalizer<SharedText> shared, string name) =>
        name == ProjectCreator.EmbeddedConnectionName ? shared["Connection_BuiltIn"] : name;
}
