using System.Text.Json;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Features.Runs;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Models;

/// <summary>One model set: its versions, where each comes from and what answers with it.</summary>
public sealed partial class ModelPage
{
    private ModelSetDetails? _set;
    private bool _busy;

    [Inject] public required ModelService Models { get; init; }
    [Inject] public required RunService Runs { get; init; }
    [Inject] public required IDialogService Dialogs { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required IStringLocalizer<ModelsText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    [Parameter] public Guid ProjectId { get; set; }
    [Parameter] public Guid ModelSetId { get; set; }

    protected override Task OnParametersSetAsync()
    {
        _set = null;
        return ReadAsync();
    }

    private Task ReadAsync() => LoadAsync(async (actor, token) => _set = await Models.GetAsync(actor, ProjectId, ModelSetId, token));

    /// <summary>What the run was asked for, one line for each plain value.</summary>
    private static List<(string Name, string Value)> Settings(ModelVersionDetails version)
    {
        if (version.ConfigJson is not { Length: > 2 } json)
            return [];
        using var document = JsonDocument.Parse(json);
        List<(string, string)> lines = [];
        Collect(document.RootElement, "", lines);
        return lines;
    }

    private static void Collect(JsonElement element, string prefix, List<(string, string)> lines)
    {
        foreach (var property in element.EnumerateObject())
        {
            if (property.Value.ValueKind is JsonValueKind.Object)
                Collect(property.Value, $"{prefix}{property.Name}.", lines);
            else if (property.Value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Array))
                lines.Add(($"{prefix}{property.Name}", property.Value.ToString()));
        }
    }

    private async Task DeployAsync(ModelVersionDetails version)
    {
        _busy = true;
        await TryAsync(async (actor, token) =>
        {
            var runId = await Runs.DeployAsync(actor, ProjectId, version.Id, "", ServiceType.Chat, token);
            Navigation.NavigateTo(Urls.Run(ProjectId, runId));
        });
        _busy = false;
    }

    private async Task DeleteVersionAsync(ModelVersionDetails version)
    {
        if (!await Dialogs.ConfirmAsync(Text["DeleteVersion_Title", _set!.Name, version.Number], Text["DeleteVersion_Text"], Shared["Delete"]))
            return;
        _busy = true;
        var setGone = false;
        if (await TryAsync(async (actor, token) => setGone = await Models.DeleteVersionAsync(actor, ProjectId, version.Id, token)))
        {
            if (setGone)
                Navigation.NavigateTo(Urls.Models(ProjectId));
            else
                await ReadAsync();
        }

        _busy = false;
    }

    private async Task DeleteSetAsync()
    {
        if (!await Dialogs.ConfirmAsync(Text["DeleteSet_Title", _set!.Name], Text["DeleteSet_Text", _set.Versions.Count], Shared["Delete"], _set.Name))
            return;
        _busy = true;
        if (await TryAsync((actor, token) => Models.DeleteSetAsync(actor, ProjectId, ModelSetId, token)))
            Navigation.NavigateTo(Urls.Models(ProjectId));
        _busy = false;
    }
}
