using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Qianfan.Portal.Components.Shared;

/// <summary>A status as colour, icon and word, so that none of the three is needed to read it.</summary>
public partial class StatusChip
{
    private (string Class, string Icon) _look;

    /// <summary>Any status of a run, action, dataset, model or service: an enum value or its name. The word is resource <c>Status_{name}</c>.</summary>
    [Parameter, EditorRequired] public required object Status { get; set; }

    /// <summary>A word to show instead of the resource's.</summary>
    [Parameter] public string? Text { get; set; }

    private string Localized => Texts[$"Status_{Status}"] is { ResourceNotFound: false } found ? found.Value : Status.ToString() ?? "";

    protected override void OnParametersSet() => _look = Look(Status.ToString());

    private static (string Class, string Icon) Look(string? status) => status switch
    {
        "Done" or "Serving" or "Ready" or "Published" or "Active" => ("good", Icons.Material.Filled.CheckCircle),
        "Running" or "Deploying" or "Importing" or "Publishing" => ("active", Icons.Material.Filled.Autorenew),
        "Stopping" or "Interrupted" or "Partial" or "Locked" => ("warn", Icons.Material.Filled.Warning),
        "Failed" or "Error" => ("bad", Icons.Material.Filled.Error),
        "Stopped" => ("idle", Icons.Material.Filled.PauseCircle),
        "Queued" or "Preceding" => ("idle", Icons.Material.Filled.Schedule),
        "Revoked" or "Expired" => ("idle", Icons.Material.Filled.Block),
        _ => ("idle", Icons.Material.Filled.Circle),
    };
}
