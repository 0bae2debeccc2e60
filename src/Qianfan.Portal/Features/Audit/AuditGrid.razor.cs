using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Audit;

/// <summary>Reads a page of audit entries.</summary>
public delegate Task<AuditEntries> LoadAudit(Actor actor, AuditFilter filter, int skip, int take, CancellationToken cancellationToken);

/// <summary>Audit entries in the reader's language, with filters.</summary>
public partial class AuditGrid
{
    private MudDataGrid<AuditRow>? _grid;
    private string? _action;
    private string? _actor;
    private DateRange? _range;

    /// <summary>Reads a page.</summary>
    [Parameter, EditorRequired] public required LoadAudit Load { get; set; }

    /// <summary>Actions that can be chosen.</summary>
    [Parameter, EditorRequired] public required IReadOnlyList<string> Actions { get; set; }

    [Inject] public required UserTime Time { get; init; }
    [Inject] public required AuditSentences Sentences { get; init; }
    [Inject] public required IStringLocalizer<AuditText> Text { get; init; }

    private async Task ChangeAsync(Action change)
    {
        change();
        if (_grid is not null)
            await _grid.ReloadServerData();
    }

    private async Task<GridData<AuditRow>> LoadPageAsync(GridState<AuditRow> state, CancellationToken cancellationToken)
    {
        var filter = new AuditFilter(
            _action,
            _actor,
            _range?.Start is { } start ? Time.StartOf(start) : null,
            _range?.End is { } end ? Time.StartOf(end.AddDays(1)) : null);
        var entries = new AuditEntries([], 0);
        await LoadAsync(async (actor, closing) =>
        {
            using var both = CancellationTokenSource.CreateLinkedTokenSource(closing, cancellationToken);
            entries = await Load(actor, filter, state.Page * state.PageSize, state.PageSize, both.Token);
        });
        if (LoadError is not null)
            StateHasChanged();
        return new GridData<AuditRow> { Items = [.. entries.Rows], TotalItems = entries.Total };
    }
}
