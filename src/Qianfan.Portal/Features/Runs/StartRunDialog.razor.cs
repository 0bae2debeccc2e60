using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;
using MudBlazor;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Security;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Features.Runs;

/// <summary>Asks for a new run and starts it. All is preselected, so that a click is enough; what is left as it is stays with the platform's defaults. Closes with the run's id.</summary>
public sealed partial class StartRunDialog : PortalPage
{
    private const InputMode Decimal = InputMode.@decimal;

    private readonly Dictionary<string, string> _values = [];
    private IReadOnlyList<DatasetOption>? _datasets;
    private IReadOnlyList<BaseModelOption>? _models;
    private UserErrorException? _modelError;
    private UserErrorException? _startError;
    private DatasetOption? _dataset;
    private BaseModelOption? _model;
    private TrainMethod? _method;
    private string _name = "";
    private string _suggested = "";
    private string _modelName = "";
    private string _serviceName = "";
    // Enough rows for a curve; what is held out is not learnt, and people miss it in the answers.
    private int _validationPercent = 5;
    private bool _deploy = true;
    private bool _busy;

    [Parameter, EditorRequired] public Guid ProjectId { get; set; }

    /// <summary>The dataset to choose first; the newest when null.</summary>
    [Parameter] public Guid? DatasetId { get; set; }

    [CascadingParameter] public required IMudDialogInstance Dialog { get; set; }
    [Inject] public required RunService Runs { get; init; }
    [Inject] public required IStringLocalizer<RunsText> Text { get; init; }
    [Inject] public required IStringLocalizer<SharedText> Shared { get; init; }

    private bool LearnsTexts => _dataset?.TrainMode == TrainMode.PostPretrain;

    private bool CanStart => !_busy && _dataset is not null && _model is not null && _name.Trim().Length > 0 && !(_method?.Fields.Any(IsWrong) ?? true);

    /// <inheritdoc/>
    protected override Task OnInitializedAsync() => LoadAsync(async (actor, cancellationToken) =>
    {
        _datasets = await Runs.DatasetsAsync(actor, ProjectId, cancellationToken);
        _dataset = _datasets.FirstOrDefault(d => d.Id == DatasetId) ?? (_datasets.Count > 0 ? _datasets[0] : null);
        if (_dataset is not null)
            await LoadModelsAsync();
    });

    private async Task LoadModelsAsync()
    {
        (_models, _modelError) = (null, null);
        try
        {
            _models = await Runs.BaseModelsAsync(await ActorAsync(), ProjectId, _dataset!.ConnectionId, _dataset.TrainMode, Closing);
        }
        catch (UserErrorException e)
        {
            _modelError = e;
            return;
        }

        ChooseModel(_models.FirstOrDefault(m => m.Name == _model?.Name) ?? (_models.Count > 0 ? _models[0] : null));
    }

    private async Task ChooseDatasetAsync(DatasetOption? dataset)
    {
        var otherwise = dataset?.ConnectionId != _dataset?.ConnectionId || dataset?.TrainMode != _dataset?.TrainMode;
        _dataset = dataset;
        Suggest();
        if (otherwise && dataset is not null)
            await LoadModelsAsync();
    }

    private void ChooseModel(BaseModelOption? model)
    {
        _model = model;
        ChooseMethod(model?.Methods[0]);
        Suggest();
    }

    private void ChooseMethod(TrainMethod? method)
    {
        _method = method;
        // What was typed for one method may be out of another's limits, or not one of its parameters.
        _values.Clear();
    }

    // A name that was typed stays; one that was suggested follows the choice.
    private void Suggest()
    {
        if (_name != _suggested || _dataset is null)
            return;
        var name = _model is null ? _dataset.Name : $"{_dataset.Name} · {_model.Name}";
        _name = _suggested = name[..Math.Min(name.Length, RunService.LongestName)];
    }

    private void Set(TrainField field, string? value)
    {
        if (string.IsNullOrWhiteSpace(value) || value == field.Default)
            _values.Remove(field.Key);
        else
            _values[field.Key] = value.Trim();
    }

    // Switches are words on the wire.
    private string ChoiceText(string? choice) => choice switch
    {
        "True" => Text["Yes"],
        "False" => Text["No"],
        _ => choice ?? "",
    };

    private bool IsWrong(TrainField field) => _values.TryGetValue(field.Key, out var value) && !field.Accepts(value);

    private string MethodName(string peftType) => Text[$"Method_{peftType}"] is { ResourceNotFound: false } known ? known.Value : peftType;

    // The service names a parameter as the platform does; here it is named as the field is.
    private string StartErrorText => _startError is { Code: "RunValue", Arguments: [string key, ..] and var arguments }
        ? Text["Error_RunValue", Text[$"Param_{key}"].Value, arguments[1]]
        : _startError is null ? "" : ErrorText.Of(_startError, Text);

    private async Task StartAsync()
    {
        (_busy, _startError) = (true, null);
        try
        {
            var config = new RunConfig
            {
                Name = _name,
                DatasetId = _dataset!.Id,
                BaseModel = _model!.Name,
                ModelName = _modelName,
                Train = BaseModelOption.ConfigOf(_method!.PeftType, _values, _validationPercent),
                Deploy = _deploy,
                ServiceName = _deploy ? _serviceName : "",
            };
            var runId = await Runs.StartAsync(await ActorAsync(), ProjectId, config, Closing);
            Dialog.Close(runId);
        }
        catch (UserErrorException e)
        {
            _startError = e;
        }
        finally
        {
            _busy = false;
        }
    }
}
