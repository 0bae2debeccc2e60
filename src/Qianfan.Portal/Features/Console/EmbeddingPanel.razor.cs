using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Console;

/// <summary>Two texts as vectors, and how alike they are.</summary>
public sealed partial class EmbeddingPanel : IDisposable
{
    private readonly CancellationTokenSource _closing = new();
    private ConsoleSide _side;
    private string _first = "";
    private string _second = "";
    private bool _busy;
    private string? _error;
    private EmbeddingComparison? _result;

    [Inject] public required ConsoleService Console { get; init; }
    [Inject] public required CurrentUser CurrentUser { get; init; }
    [Inject] public required UserErrorText ErrorText { get; init; }
    [Inject] public required IStringLocalizer<ConsoleText> Text { get; init; }

    /// <summary>Where the service is.</summary>
    [Parameter, EditorRequired] public required Guid ProjectId { get; set; }

    /// <summary>Who answers.</summary>
    [Parameter, EditorRequired] public required ServiceInfo Service { get; set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _closing.Cancel();
        _closing.Dispose();
    }

    private static string Numbers(IReadOnlyList<float> values) =>
        $"[{string.Join(", ", values.Select(v => v.ToString("0.#####", CultureInfo.InvariantCulture)))}, …]";

    private async Task CompareAsync()
    {
        (_busy, _error, _result) = (true, null, null);
        try
        {
            _result = await Console.CompareAsync(await CurrentUser.GetAsync(), ProjectId, Service.Id, _side, _first, _second, _closing.Token);
        }
        catch (UserErrorException error)
        {
            _error = ErrorText.Of(error);
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            // Left meanwhile.
        }

        _busy = false;
    }
}
