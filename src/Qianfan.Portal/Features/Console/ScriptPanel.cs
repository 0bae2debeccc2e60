using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Forms;
using Microsoft.Extensions.Localization;
using Microsoft.JSInterop;
using Qianfan.Portal.Features.Services;

namespace Qianfan.Portal.Features.Console;

/// <summary>A panel whose answers come by the console's script, past the circuit.</summary>
public abstract class ScriptPanel : ComponentBase, IAsyncDisposable
{
    private IJSObjectReference? _module;
    private IJSObjectReference? _script;

    [Inject] public required IJSRuntime Browser { get; init; }
    [Inject] public required AntiforgeryStateProvider Antiforgery { get; init; }
    [Inject] public required IStringLocalizer<ConsoleText> Text { get; init; }

    /// <summary>Where the service is.</summary>
    [Parameter, EditorRequired] public required Guid ProjectId { get; set; }

    /// <summary>Who answers.</summary>
    [Parameter, EditorRequired] public required ServiceInfo Service { get; set; }

    /// <summary>The element that the script works in.</summary>
    protected ElementReference Root { get; set; }

    /// <summary>The script's function that attaches it.</summary>
    protected abstract string Function { get; }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        try
        {
            if (_script is not null)
            {
                await _script.InvokeVoidAsync("dispose");
                await _script.DisposeAsync();
            }

            if (_module is not null)
                await _module.DisposeAsync();
        }
        catch (JSDisconnectedException)
        {
            // The browser is gone, and the script with it.
        }
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
            return;
        _module = await Browser.InvokeAsync<IJSObjectReference>("import", $"./{Assets["shared/js/console.js"]}");
        _script = await _module.InvokeAsync<IJSObjectReference>(Function, Root, new
        {
            url = Urls.ConsoleChat(ProjectId),
            tokenHeader = PageEndpoints.TokenHeader,
            token = Antiforgery.GetAntiforgeryToken()?.Value ?? "",
            serviceId = Service.Id,
            hasBase = Service.HasBase,
            texts = new
            {
                @base = Text["Answer_Base", Service.BaseModel].Value,
                tuned = Text["Answer_Tuned", Service.Name].Value,
                firstToken = Text["Answer_FirstToken", "{0}"].Value,
                tokens = Text["Answer_Tokens", "{0}", "{1}"].Value,
                speed = Text["Answer_Speed", "{0}"].Value,
                cut = Text["Answer_Cut"].Value,
                stopped = Text["Answer_Stopped"].Value,
                broken = Text["Answer_Broken"].Value,
                failed = Text["Answer_Failed", "{0}"].Value,
            },
        });
    }
}
