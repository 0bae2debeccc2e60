using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Shared;

namespace Qianfan.Portal.Features.Quotas;

/// <summary>The limits of all teams and projects, for admins.</summary>
public partial class QuotasPage
{
    private IReadOnlyList<QuotaRow>? _quotas;

    [Inject] public required QuotaService Quotas { get; init; }
    [Inject] public required IDialogService Dialogs { get; init; }
    [Inject] public required IStringLocalizer<QuotasText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    protected override Task OnInitializedAsync() => ReloadAsync();

    private Task ReloadAsync() => LoadAsync(async (actor, cancellationToken) => _quotas = await Quotas.ListAsync(actor, cancellationToken));

    private string Limit(long? limit) => limit?.ToString("N0", CultureInfo.CurrentCulture) ?? Text["NoLimit"];

    private async Task EditAsync(QuotaRow quota)
    {
        var parameters = new DialogParameters<QuotaDialog> { { d => d.Quota, quota } };
        var dialog = await Dialogs.ShowAsync<QuotaDialog>(Text["EditWhat", quota.Project ?? quota.Team], parameters, new DialogOptions { MaxWidth = MaxWidth.ExtraSmall, FullWidth = true, CloseOnEscapeKey = true });
        await dialog.Result;
        await ReloadAsync();
    }
}
