using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Components.Web;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Components.Layout;

/// <summary>Keeps the frame alive when a page breaks, and says what happened: in the person's words where they can mend it, with a reference to the log where they can't.</summary>
public sealed partial class PageErrorBoundary : ErrorBoundaryBase
{
    private string _reference = "";

    [Inject] public required ILogger<PageErrorBoundary> Logger { get; init; }

    protected override Task OnErrorAsync(Exception exception)
    {
        if (exception is UserErrorException)
            return Task.CompletedTask;
        _reference = Guid.CreateVersion7().ToString("N")[^12..];
        Broken(Logger, exception, _reference);
        return Task.CompletedTask;
    }

    protected override void BuildRenderTree(RenderTreeBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        if (CurrentException is UserErrorException error)
        {
            builder.OpenComponent<ErrorView>(0);
            builder.AddComponentParameter(1, nameof(ErrorView.Error), error);
            builder.CloseComponent();
        }
        else if (CurrentException is not null)
        {
            builder.OpenComponent<PageFailure>(2);
            builder.AddComponentParameter(3, nameof(PageFailure.Reference), _reference);
            builder.CloseComponent();
        }
        else
        {
            builder.AddContent(4, ChildContent);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A page broke. Reference {Reference}")]
    private static partial void Broken(ILogger logger, Exception exception, string reference);
}
