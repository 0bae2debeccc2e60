using Microsoft.AspNetCore.Components;
using MudBlazor;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Components.Shared;

/// <summary>What interactive pages have in common: who is there, a token that ends with the page, and user errors shown instead of thrown.</summary>
public abstract class PortalPage : ComponentBase, IDisposable
{
    private readonly CancellationTokenSource _closing = new();

    /// <summary>For pages alone.</summary>
    protected PortalPage() => Closing = _closing.Token;

    [Inject] public required CurrentUser CurrentUser { get; init; }
    [Inject] public required ISnackbar Snackbar { get; init; }
    [Inject] public required UserErrorText ErrorText { get; init; }

    /// <summary>Cancelled when the person leaves the page.</summary>
    protected CancellationToken Closing { get; }

    /// <summary>What kept the page from loading; for <see cref="ErrorView"/>.</summary>
    protected Exception? LoadError { get; private set; }

    /// <summary>Who is there.</summary>
    protected Task<Actor> ActorAsync() => CurrentUser.GetAsync();

    /// <summary>Loads what the page shows; an error that the person can understand lands in <see cref="LoadError"/>.</summary>
    protected async Task LoadAsync(Func<Actor, CancellationToken, Task> load)
    {
        ArgumentNullException.ThrowIfNull(load);
        try
        {
            LoadError = null;
            await load(await ActorAsync(), Closing);
        }
        catch (UserErrorException error)
        {
            LoadError = error;
        }
        catch (OperationCanceledException) when (Closing.IsCancellationRequested)
        {
            // Left meanwhile.
        }
    }

    /// <summary>Does something; an error that the person can understand is shown as a message.</summary>
    /// <returns>Whether it was done.</returns>
    protected async Task<bool> TryAsync(Func<Actor, CancellationToken, Task> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        try
        {
            await action(await ActorAsync(), Closing);
            return true;
        }
        catch (UserErrorException error)
        {
            Snackbar.Add(ErrorText.Of(error), Severity.Error);
            return false;
        }
        catch (OperationCanceledException) when (Closing.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Looks at something that goes on again and again, until it has come to its end or the person leaves; each look is shown.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="interval">Between two looks.</param>
    /// <param name="goesOn">Whether there is more to come.</param>
    /// <param name="look">Looks.</param>
    protected async Task FollowAsync(TimeProvider time, TimeSpan interval, Func<bool> goesOn, Func<Task> look)
    {
        ArgumentNullException.ThrowIfNull(goesOn);
        ArgumentNullException.ThrowIfNull(look);
        try
        {
            using var timer = new PeriodicTimer(interval, time);
            while (goesOn() && await timer.WaitForNextTickAsync(Closing))
            {
                await look();
                StateHasChanged();
            }
        }
        catch (OperationCanceledException) when (Closing.IsCancellationRequested)
        {
            // The page was left.
        }
        catch (Exception e)
        {
            await DispatchExceptionAsync(e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Cancels <see cref="Closing"/>.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (!disposing || _closing.IsCancellationRequested)
            return;
        _closing.Cancel();
        _closing.Dispose();
    }
}
