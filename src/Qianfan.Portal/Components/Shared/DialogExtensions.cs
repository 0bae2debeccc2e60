using MudBlazor;
using Qianfan.Portal.Security;

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

    /// <summary>Asks for a name and saves it.</summary>
    /// <param name="dialogs">The circuit's dialogs.</param>
    /// <param name="title">What is asked.</param>
    /// <param name="action">Text of the button.</param>
    /// <param name="save">Saves it; user errors are shown at the field.</param>
    /// <param name="initial">The name to start with.</param>
    /// <param name="intro">A sentence above the field.</param>
    /// <returns>Whether it was saved.</returns>
    public static async Task<bool> AskNameAsync(this IDialogService dialogs, string title, string action, Func<Actor, string, CancellationToken, Task> save, string initial = "", string? intro = null)
    {
        var parameters = new DialogParameters<NameDialog>
        {
            { d => d.Action, action },
            { d => d.Save, save },
            { d => d.Initial, initial },
            { d => d.Intro, intro },
        };
        var dialog = await dialogs.ShowAsync<NameDialog>(title, parameters, new DialogOptions { MaxWidth = MaxWidth.ExtraSmall, FullWidth = true, CloseOnEscapeKey = true });
        return await dialog.Result is { Canceled: false };
    }
}
