using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Forms;
using Microsoft.Extensions.Localization;
using Microsoft.JSInterop;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Features.Console;
using Qianfan.Portal.Security;
using Qianfan.Sdk.Datasets;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>Takes a file by drop or choice and posts it to the portal, with progress; the bytes go past the circuit, by a script.</summary>
public sealed partial class DatasetUploadCard
{
    private ElementReference _root;
    private IJSObjectReference? _module;
    private IJSObjectReference? _upload;
    private DotNetObjectReference<DatasetUploadCard>? _self;
    private ChosenFile? _file;
    private Failure? _failure;
    private string _name = "";
    private DatasetKind _kind = DatasetKind.Conversation;
    private Guid _connectionId;
    private bool _sending;

    [Inject] public required IJSRuntime Browser { get; init; }
    [Inject] public required AntiforgeryStateProvider Antiforgery { get; init; }
    [Inject] public required IStringLocalizer<DatasetsText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }
    [Inject] public required UserErrorText ErrorText { get; init; }
    [Inject] public required CurrentUser CurrentUser { get; init; }
    [Inject] public required DatasetUploads Uploads { get; init; }

    /// <summary>Where the dataset goes.</summary>
    [Parameter, EditorRequired] public required Guid ProjectId { get; set; }

    /// <summary>Platforms to choose from; the first one is proposed.</summary>
    [Parameter, EditorRequired] public required IReadOnlyList<ConnectionChoice> Connections { get; set; }

    /// <summary>Largest file.</summary>
    [Parameter, EditorRequired] public required long MaxUploadBytes { get; set; }

    /// <summary>Told of the new dataset.</summary>
    [Parameter] public EventCallback<Guid> OnUploaded { get; set; }

    /// <summary>Called by the script: a file was chosen or dropped.</summary>
    [JSInvokable]
    public async Task FileChosen(string name, long size)
    {
        _failure = null;
        _file = new ChosenFile(name, size);
        _name = Path.GetFileNameWithoutExtension(name);
        _name = _name.Length > 80 ? _name[..80] : _name;
        if (size > MaxUploadBytes)
            await RefuseAsync(ReceivedFile.TooLarge(MaxUploadBytes));
        else if (size == 0)
            await RefuseAsync(new UserErrorException("DatasetEmptyFile"));
        StateHasChanged();
    }

    /// <summary>Called by the script: the upload is over, one way or another.</summary>
    [JSInvokable]
    public async Task UploadEnded(UploadEnd result)
    {
        ArgumentNullException.ThrowIfNull(result);
        _sending = false;
        if (result.DatasetId is { } datasetId)
        {
            _file = null;
            await OnUploaded.InvokeAsync(datasetId);
        }
        else if (result.Code is not "Cancelled")
        {
            _failure = new Failure(result.Message ?? ErrorText.Of(new UserErrorException(result.Code ?? "UploadBroken")), result.Errors ?? []);
        }

        StateHasChanged();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_upload is not null)
            {
                await _upload.InvokeVoidAsync("dispose");
                await _upload.DisposeAsync();
            }

            if (_module is not null)
                await _module.DisposeAsync();
        }
        catch (JSDisconnectedException)
        {
            // The browser is gone, and the script with it.
        }

        _self?.Dispose();
    }

    protected override void OnParametersSet()
    {
        if (Connections.All(c => c.Id != _connectionId))
            _connectionId = Connections.Count > 0 ? Connections[0].Id : Guid.Empty;
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
            return;
        _self = DotNetObjectReference.Create(this);
        _module = await Browser.InvokeAsync<IJSObjectReference>("import", $"./{Assets["shared/js/upload.js"]}");
        _upload = await _module.InvokeAsync<IJSObjectReference>("attach", _root, _self, new
        {
            url = Urls.DatasetUpload(ProjectId),
            tokenHeader = PageEndpoints.TokenHeader,
            token = Antiforgery.GetAntiforgeryToken()?.Value ?? "",
        });
    }

    private async Task SendAsync()
    {
        _failure = null;
        try
        {
            // What can be known before the file is on its way.
            await Uploads.CheckAsync(await CurrentUser.GetAsync(), ProjectId, new UploadRequest(_name, ConnectionId, _file!.Name, _kind), CancellationToken.None);
        }
        catch (UserErrorException error)
        {
            _failure = new Failure(ErrorText.Of(error), []);
            return;
        }

        _sending = true;
        await _upload!.InvokeVoidAsync("send", _name.Trim(), ConnectionId?.ToString() ?? "", _kind is DatasetKind.Text ? "text" : "conversation");
    }

    private async Task CancelAsync() => await _upload!.InvokeVoidAsync("cancel");

    private async Task ClearAsync()
    {
        _file = null;
        _failure = null;
        await _upload!.InvokeVoidAsync("clear");
    }

    private async Task RefuseAsync(UserErrorException error)
    {
        await ClearAsync();
        _failure = new Failure(ErrorText.Of(error), []);
    }

    private Guid? ConnectionId => _connectionId == Guid.Empty ? null : _connectionId;

    private sealed record ChosenFile(string Name, long Size);

    private sealed record Failure(string Message, IReadOnlyList<RowError> Errors);
}

/// <summary>How an upload ended, as the script tells it.</summary>
/// <param name="DatasetId">The new dataset; null when there is none.</param>
/// <param name="Code">Why not.</param>
/// <param name="Message">Why not, in the reader's language; null when the portal didn't say.</param>
/// <param name="Errors">The first bad rows, if those are why.</param>
public sealed record UploadEnd(Guid? DatasetId, string? Code, string? Message, IReadOnlyList<RowError>? Errors);
