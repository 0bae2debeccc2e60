using Microsoft.AspNetCore.Components;
using MudBlazor;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Components.Shared;

/// <summary>What dialogs that change something have in common: one attempt at a time, and user errors shown inside instead of thrown.</summary>
public abstract class PortalDialog : ComponentBase, IDisposable
{
    private readonly CancellationTokenSource _closing = new();

    /// <summary>For dialogs alone.</summary>
    protected PortalDialog() => Closing = _closing.Token;

    [Inject] public required CurrentUser CurrentUser { get; init; }
    [Inject] public required UserErrorText ErrorText { get; init; }

    /// <summary>The dialog around it.</summary>
    [CascadingParameter]
    public required IMudDialogInstance Dialog { get; set; }

    /// <summary>Cancelled when the dialog goes away.</summary>
    protected CancellationToken Closing { get; }

    /// <summary>Whether an attempt is under way.</summary>
    protected bool Busy { get; private set; }

    /// <summary>Why the last attempt failed; null if it didn't.</summary>
    protected string? Error { get; set; }

    /// <summary>Does something; an error that the person can understand lands in <see cref="Error"/>.</summary>
    /// <returns>Whether it was done.</returns>
    protected async Task<bool> TryAsync(Func<Actor, CancellationToken, Task> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        if (Busy)
            return false;
        Busy = true;
        Error = null;
        try
        {
            await action(await CurrentUser.GetAsync(), Closing);
            return true;
        }
        catch (UserErrorException error)
        {
            Error = ErrorText.Of(error);
            return false;
        }
        catch (OperationCanceledException) when (Closing.IsCancellationRequested)
        {
            return false;
        }
        finally
        {
            Busy = false;
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
