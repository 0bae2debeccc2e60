using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>
/// Evaluation of models over console V1 (<c>/wenxinworkshop/modelrepo/eval/*</c>). Thread-safe. Every method raises <see cref="QianfanApiException"/> when the platform refuses and <see cref="QianfanRequestException"/> when no usable answer comes.
/// </summary>
public sealed class V1EvaluationsClient
{
    private const string Root = "/wenxinworkshop/modelrepo/eval/";
    private readonly QianfanTransport _transport;

    internal V1EvaluationsClient(QianfanTransport transport) => _transport = transport;

    /// <summary>Creates an evaluation, which begins. Never repeated by itself after an unclear failure.</summary>
    public Task<CreateEvaluationResult> CreateAsync(CreateEvaluationRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "create", null, request, QianfanJson.Wire.CreateEvaluationRequest, QianfanJson.Wire.CreateEvaluationResult, false, cancellationToken);

    /// <summary>Tells about an evaluation.</summary>
    public Task<EvaluationDetail> GetDetailAsync(string evaluationId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "detail", null, new EvaluationIdRequest { Id = evaluationId }, QianfanJson.Wire.EvaluationIdRequest, QianfanJson.Wire.EvaluationDetail, true, cancellationToken);

    /// <summary>The scores, one object for each version, with <c>effectMetric</c>.</summary>
    public Task<JsonElement> GetReportAsync(string evaluationId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "report", null, new EvaluationIdRequest { Id = evaluationId }, QianfanJson.Wire.EvaluationIdRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);

    /// <summary>Stops an evaluation.</summary>
    public Task<CancelEvaluationResult> CancelAsync(string evaluationId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "cancel", null, new EvaluationIdRequest { Id = evaluationId }, QianfanJson.Wire.EvaluationIdRequest, QianfanJson.Wire.CancelEvaluationResult, true, cancellationToken);

    /// <summary>The rows with their scores. The answer's shape is in no source; it is given as it came.</summary>
    public Task<JsonElement> ListResultsAsync(string evaluationId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "result/list", null, new EvaluationIdRequest { Id = evaluationId }, QianfanJson.Wire.EvaluationIdRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);

    /// <summary>Deletes an evaluation. The answer's shape is in no source; it is given as it came.</summary>
    public Task<JsonElement> DeleteAsync(string evaluationId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "delete", null, new EvaluationIdRequest { Id = evaluationId }, QianfanJson.Wire.EvaluationIdRequest, QianfanJson.Wire.JsonElement, false, cancellationToken);

    /// <summary>Starts to export the rows with their scores. The answer's shape is in no source; it is given as it came.</summary>
    public Task<JsonElement> ExportResultsAsync(string evaluationId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "result/export", null, new EvaluationIdRequest { Id = evaluationId }, QianfanJson.Wire.EvaluationIdRequest, QianfanJson.Wire.JsonElement, false, cancellationToken);

    /// <summary>Tells about that export. The answer's shape is in no source; it is given as it came.</summary>
    public Task<JsonElement> GetExportInfoAsync(string evaluationId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "result/export/info", null, new EvaluationIdRequest { Id = evaluationId }, QianfanJson.Wire.EvaluationIdRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);

    /// <summary>The models that can be evaluated.</summary>
    public Task<IReadOnlyList<ModelDetail>> ListModelsAsync(CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "model/list", null, new JsonObject(), QianfanJson.Wire.JsonObject, QianfanJson.Wire.IReadOnlyListModelDetail, true, cancellationToken);
}
