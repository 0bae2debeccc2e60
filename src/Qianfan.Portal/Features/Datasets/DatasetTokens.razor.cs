using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Qianfan.Portal.Components.Shared;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>How many tokens the rows of a dataset have, by base model: asked of its platform after the page is there, and again every few seconds while the platform counts.</summary>
public sealed partial class DatasetTokens
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(3);

    private IReadOnlyList<DatasetTokenStatistics>? _tokens;
    private Guid _shown;
    private bool _waited;
    private Task _following = Task.CompletedTask;

    [Inject] public required DatasetService Datasets { get; init; }
    [Inject] public required TimeProvider Time { get; init; }
    [Inject] public required IStringLocalizer<DatasetsText> Text { get; init; }

    [Parameter] public Guid ProjectId { get; set; }
    [Parameter] public Guid DatasetId { get; set; }

    private bool IsCounting => _tokens is { Count: 0 };

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == DatasetId)
            return;
        _shown = DatasetId;
        _tokens = null;
        await AskAsync();
        _waited = IsCounting;
        if (_following.IsCompleted && !Closing.IsCancellationRequested)
            _following = FollowAsync(Time, s_interval, () => IsCounting, AskAsync);
    }

    private Task AskAsync() => LoadAsync(async (actor, token) => _tokens = await Datasets.TokensAsync(actor, ProjectId, DatasetId, token));

    private static string Number(long value) => value.ToString("N0", CultureInfo.CurrentCulture);
}
