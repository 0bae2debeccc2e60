using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Qianfan.Portal.Security;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Features.Services;

/// <summary>How a service is and what it was asked, looked at again every few seconds as long as the page is open: one rendering for each look.</summary>
public sealed partial class ServiceHealthPanel : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private static readonly (string Name, TimeSpan Window)[] Windows = [("Hour", TimeSpan.FromHours(1)), ("Day", TimeSpan.FromDays(1)), ("Month", TimeSpan.FromDays(30))];

    private readonly CancellationTokenSource _closing = new();
    private ServiceState? _state;
    private TimeSpan _window = Windows[0].Window;
    private Task _watching = Task.CompletedTask;

    [Inject] public required ServiceDirectory Services { get; init; }
    [Inject] public required CurrentUser CurrentUser { get; init; }
    [Inject] public required TimeProvider Time { get; init; }
    [Inject] public required IStringLocalizer<ServicesText> Text { get; init; }

    /// <summary>The project.</summary>
    [Parameter, EditorRequired] public required Guid ProjectId { get; set; }

    /// <summary>The service.</summary>
    [Parameter, EditorRequired] public required ServiceInfo Service { get; set; }

    /// <summary>Told what the platform says, each time that it was asked.</summary>
    [Parameter] public EventCallback<ServiceState> Looked { get; set; }

    /// <summary>Asks the platform now.</summary>
    public async Task LookAsync()
    {
        try
        {
            _state = await Services.LookAsync(await CurrentUser.GetAsync(), ProjectId, Service.Id, _window, _closing.Token);
        }
        catch (UserErrorException error)
        {
            _state = new ServiceState(null, null, error);
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            return;
        }

        // The page around it renders this one along with itself.
        if (Looked.HasDelegate)
            await Looked.InvokeAsync(_state);
        else
            StateHasChanged();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _watching;
        _closing.Dispose();
    }

    protected override void OnInitialized() => _watching = WatchAsync();

    private async Task WatchAsync()
    {
        try
        {
            while (!_closing.IsCancellationRequested)
            {
                await LookAsync();
                await Task.Delay(Interval, Time, _closing.Token);
            }
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            // Left meanwhile.
        }
        catch (Exception error)
        {
            await DispatchExceptionAsync(error);
        }
    }

    private Task ChooseAsync(TimeSpan window)
    {
        _window = window;
        return LookAsync();
    }

    private static long Sum(ServiceMetric metric, Func<ServiceCounts, long> count) => metric.AppList.Sum(app => app.Metric is { } counts ? count(counts) : 0);

    private static string Number(double value) => value.ToString(value < 10 ? "0.#" : "N0", CultureInfo.CurrentCulture);

    private static string Megabytes(long bytes) => (bytes >> 20).ToString("N0", CultureInfo.CurrentCulture);
}
