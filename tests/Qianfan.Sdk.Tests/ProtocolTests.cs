using System.Text.Json;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Tests;

public sealed class ProtocolTests
{
    [Fact]
    public void Members_that_are_missing_on_the_wire_keep_their_defaults()
    {
        JsonSerializer.Deserialize("{}", QianfanJson.Wire.FineTuningJobList)!.JobList.ShouldNotBeNull();
        JsonSerializer.Deserialize("{}", QianfanJson.Wire.ChatCompletion)!.Text.ShouldBe("");
        JsonSerializer.Deserialize("{}", QianfanJson.Wire.PresetServiceList)!.Common.ShouldBeEmpty();
        var import = JsonSerializer.Deserialize("""{"datasetId":101,"files":["file-1"]}""", QianfanJson.Wire.DatasetImportRequest)!;
        import.ShouldSatisfyAllConditions(i => i.DatasetId.ShouldBe("101"), i => i.Annotated.ShouldBeTrue(), i => i.ImportFrom.ShouldBe(1));
        JsonSerializer.Deserialize("""{"name":"n"}""", QianfanJson.Wire.DatasetCreateRequest)!.TemplateType.ShouldBe(2000);
        JsonSerializer.Deserialize("""{"isNewModel":false,"modelId":"am-1","versionMeta":{"taskId":"j","iterationId":"t"}}""", QianfanJson.Wire.PublishTrainModelRequest)!.IsNewModel.ShouldBeFalse();
    }

    [Fact]
    public void Every_wire_record_can_be_written_and_read()
    {
        var context = QianfanJson.Wire;
        foreach (var type in typeof(QianfanJson).Assembly.GetExportedTypes().Where(t => t.Namespace == "Qianfan.Sdk.Protocol" && t.IsClass && t.GetMethod("<Clone>$") is not null && t != typeof(FineTuningTaskEvent)))
        {
            var info = context.GetTypeInfo(type).ShouldNotBeNull(type.Name);
            info.Properties.ShouldNotBeEmpty(type.Name);
        }
    }

    [Fact]
    public void Unknown_members_of_a_chat_request_are_kept()
    {
        const string Text = """{"model":"m","messages":[{"role":"user","content":"你好"}],"stream":false,"own_switch":true}""";
        var request = JsonSerializer.Deserialize(Text, QianfanJson.Wire.ChatCompletionRequest)!;
        request.Extra!["own_switch"].GetBoolean().ShouldBeTrue();
        JsonSerializer.Serialize(request, QianfanJson.Wire.ChatCompletionRequest).ShouldBe(Text);
    }
}
