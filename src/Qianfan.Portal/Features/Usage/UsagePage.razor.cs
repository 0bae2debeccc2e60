using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Features.Quotas;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Features.Usage;

/// <summary>What a project used, by day, key, model and API, and what is left of its quotas.</summary>
public partial class UsagePage
{
    private static readonly int[] Spans = [7, 30, 90];

    private ProjectUsage? _usage;

    [Parameter]
    public Guid ProjectId { get; set; }

    /// <summary>How many days.</summary>
    [SupplyParameterFromQuery(Name = "days")]
    public int? Span { get; set; }

    [Inject] public required UsageReader Usage { get; init; }
    [Inject] public required NavigationManager Navigation { get; init; }
    [Inject] public required IStringLocalizer<UsageText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    private int Days => Span is { } days && Spans.Contains(days) ? days : 30;

    protected override Task OnParametersSetAsync() => LoadAsync(async (actor, cancellationToken) => _usage = await Usage.ReadAsync(actor, ProjectId, Days, cancellationToken));

    private void ShowDays(int days) => Navigation.NavigateTo(Urls.Usage(ProjectId, days));

    private IEnumerable<(string Title, string What, IReadOnlyList<UsageTotal> Totals)> Totals()
    {
        var sums = _usage!.Report.UsageList;
        yield return (Text["Total"], Shared["Name"], UsageTotal.By(sums, _ => Text["All"]));
        yield return (Text["ByModel"], Text["Model"], UsageTotal.By(sums, sum => sum.Model.Length > 0 ? sum.Model : Text["NoModel"]));
        yield return (Text["ByKey"], Text["Key"], UsageTotal.By(sums, KeyName));
        yield return (Text["ByApi"], Text["Api"], UsageTotal.By(sums, sum => sum.Api));
        yield return (Text["ByDay"], Text["Day"], [.. UsageTotal.By(sums, sum => sum.Date).Reverse()]);
    }

    private string KeyName(UsageSum sum) => _usage!.KeyNames.TryGetValue(sum.AccessKey, out var name) ? name is null ? Text["Portal"] : $"{name} ({sum.AccessKey})" : sum.AccessKey;

    private string QuotaName(QuotaUse quota) => Text[quota.Account.StartsWith(QuotaService.TeamAccount, StringComparison.Ordinal) ? "TeamQuota" : "ProjectQuota"];

    private string Of(string used, string? limit) => limit is null ? Text["OfNoLimit", used] : Text["OfLimit", used, limit];

    private static string Count(long number) => number.ToString("N0", CultureInfo.CurrentCulture);
}
