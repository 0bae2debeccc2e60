using System.Text.Json.Nodes;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests;

/// <summary>Pre-training on texts: a file of them on our platform, and what follows from it.</summary>
public sealed class PostPreTrainTests : IDisposable
{
    private readonly ScriptedPlatform _platform = new();
    private readonly string _file = Path.GetTempFileName();

    public PostPreTrainTests() => File.WriteAllText(_file, "The lamp is green.\n七只船回家了。\n");

    public void Dispose()
    {
        _platform.Dispose();
        File.Delete(_file);
    }

    [Fact]
    public async Task A_file_of_texts_is_brought_to_our_platform_and_trained_on_as_texts()
    {
        var client = Given.Client(_platform);
        var trainer = new PostPreTrain(client, "qianfan-tiny", Dataset.FromFile(_file, "story", DatasetKind.Text), new TrainConfig { TrainsetRate = 0 });

        // As after a crash: what the file holds is not forgotten.
        trainer = PostPreTrain.Loads(trainer.Dumps(), client);
        await trainer.RunAsync(cancellationToken: Given.Token);

        var created = _platform.Requests.Single(r => r.Name == "create").Body!;
        (created["templateType"]!.GetValue<int>(), created["projectType"]!.GetValue<int>()).ShouldBe((40100, 401));
        _platform.Uploads.Single().ShouldContain("七只船回家了。");
        _platform.Requests.Single(r => r.Name == "CreateFineTuningJob").Body!["trainMode"]!.GetValue<string>().ShouldBe("PostPretrain");
        trainer.Output!["task_id"]!.GetValue<string>().ShouldBe("task-1");
    }

    [Theory]
    [InlineData(DatasetKind.Conversation, true, "takes generic text (40100)")]
    [InlineData(DatasetKind.Text, false, "to our own platform for pre-training on texts")]
    public async Task Rows_of_another_kind_and_the_cloud_are_refused(DatasetKind kind, bool ours, string message)
    {
        var trainer = new PostPreTrain(Given.Client(_platform, ours), "ERNIE-Speed", Dataset.FromFile(_file, "story", kind));

        (await Should.ThrowAsync<InvalidArgumentException>(() => trainer.RunAsync(cancellationToken: Given.Token))).Message.ShouldContain(message);

        _platform.Uploads.ShouldBeEmpty();
    }

    [Fact]
    public async Task Fine_tuning_takes_no_file_of_texts()
    {
        var trainer = new LlmFinetune(Given.Client(_platform), "qianfan-tiny", Dataset.FromFile(_file, "story", DatasetKind.Text));

        (await Should.ThrowAsync<InvalidArgumentException>(() => trainer.RunAsync(cancellationToken: Given.Token))).Message.ShouldContain("takes prompt and response (2000)");
    }

    [Theory]
    [InlineData(null, ServiceType.Chat, null, "Chat")]
    [InlineData("completions", ServiceType.Chat, null, "Completion")]
    [InlineData("completions", ServiceType.Completion, "completions", "Completion")]
    [InlineData("embeddings", ServiceType.Embedding, "embeddings", "Embedding")]
    public async Task A_deployment_tells_what_the_platform_made_of_it(string? made, ServiceType wished, string? sent, string told)
    {
        _platform.ServiceType = made;
        var deploy = new DeployAction(Given.Client(_platform), new DeployConfig { Name = "story", ServiceType = wished });

        var output = await deploy.ExecAsync(new JsonObject { ["model_set_id"] = "am-1", ["model_id"] = "amv-1" }, Given.Token);

        output["service"]!["service_type"]!.GetValue<string>().ShouldBe(told);
        ((string?)_platform.Requests.Single(r => r.Name == "CreateService").Body!["serviceType"]).ShouldBe(sent);
    }
}
