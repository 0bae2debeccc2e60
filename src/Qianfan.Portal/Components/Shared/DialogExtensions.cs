using MudBlazor;

namespace Qianfan.Portal.Components.Shared;

/// <summary>Dialogs as questions.</summary>
public static class DialogExtensions
{
    /// <summary>Asks before something that can't be undone.</summary>
    /// <param name="dialogs">The circuit's dialogs.</param>
    /// <param name="title">What is asked.</param>
    /// <param name="message">What will happen.</param>
    /// <param name="action">Text of the button that does it.</param>
    /// <param name="typedName">A name that has to be typed first; null when a click is enough.</param>
    /// <returns>Whether the answer was yes.</returns>
    public static async Task<bool> ConfirmAsync(this IDialogService dialogs, string title, string message, string action, string? typedName = null)
    {
        var parameters = new DialogParameters<ConfirmDialog>
        {
            { d => d.Message, message },
            { d => d.Action, action },
            { d => d.TypedName, typedName },
        };
        var dialog = await dialogs.ShowAsync<ConfirmDialog>(title, parameters, new DialogOptions { MaxWidth = MaxWidth.ExtraSmall, FullWidth = true, CloseOnEscapeKey = true });
        return await dialog.Result is { Canceled: false };
    }
}
