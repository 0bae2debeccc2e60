using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests;

public sealed class ModelAndServiceTests
{
    private readonly ScriptedPlatform _platform = new();

    [Fact]
    public async Task A_published_model_is_not_published_again_and_a_deployed_one_not_deployed_again()
    {
        _platform.ModelSets.Add(("am-1", "m"));
        var model = new Model(Given.Client(_platform), setId: "am-1");

        await model.PublishAsync(cancellationToken: Given.Token);
        var service = await model.DeployAsync(new DeployConfig(), Given.Token);
        (await model.DeployAsync(new DeployConfig(), Given.Token)).ShouldBe(service);

        model.Id.ShouldBe("amv-1");
        _platform.Count("publishTrainModel").ShouldBe(0);
        _platform.Services.Count.ShouldBe(1);
        (await service.GetStatusAsync(Given.Token)).ShouldBe(ServiceStatus.Deployed);
    }

    [Fact]
    public async Task A_model_that_is_not_deployed_can_not_be_called() =>
        await Should.ThrowAsync<InternalErrorException>(() => new Model(Given.Client(_platform), "am-1", "amv-1").ExecAsync(new JsonObject(), Given.Token));

    [Fact]
    public void Models_and_services_come_back_from_text()
    {
        var client = Given.Client(_platform);
        var service = new Service(client, "svco-1", "ep", ServiceType.Embedding, new Model(client, "am-1", "amv-1"), new DeployConfig { Replicas = 2 }, "我的");
        var again = Service.Loads(service.Dumps(), client);
        again.ShouldSatisfyAllConditions(
            s => s.Id.ShouldBe("svco-1"),
            s => s.Endpoint.ShouldBe("ep"),
            s => s.ServiceType.ShouldBe(ServiceType.Embedding),
            s => s.Model!.Id.ShouldBe("amv-1"),
            s => s.DeployConfig!.Replicas.ShouldBe(2),
            s => s.Name.ShouldBe("我的"),
            s => s.Dumps().ShouldBe(service.Dumps()));
        var model = new Model(client, "am-1", "amv-1", "task-1", "job-1", "name");
        Model.Loads(model.Dumps(), client).Dumps().ShouldBe(model.Dumps());
    }

    [Theory]
    [InlineData(ServiceType.Chat, true, """{"messages":[{"role":"user","content":"q"}],"temperature":0.5}""")]
    [InlineData(ServiceType.Completion, false, """{"prompt":"q","temperature":0.5}""")]
    public async Task A_service_is_called_by_its_endpoint(ServiceType type, bool ours, string input)
    {
        string? body = null;
        var handler = new ScriptedHandler(request =>
        {
            using var reader = new StreamReader(request.Content!.ReadAsStream(Given.Token));
            body = reader.ReadToEnd();
            return ScriptedHandler.Json("""{"id":"as-1","choices":[{"index":0,"message":{"role":"assistant","content":"a"}}]}""")(request);
        });

        var options = Given.Options(ours);
        if (!ours)
        {
            (options.AccessKey, options.SecretKey, options.BearerToken) = (null, null, "token");
        }

        var answer = await new Service(new QianfanClient(options, new HttpClient(handler)), endpoint: "ep_1", serviceType: type).ExecAsync(JsonNode.Parse(input)!.AsObject(), Given.Token);

        answer["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("a");
        var sent = JsonNode.Parse(body!)!;
        sent["model"]!.GetValue<string>().ShouldBe("ep_1");
        sent["temperature"]!.GetValue<double>().ShouldBe(0.5);
        sent["messages"]![0]!["content"]!.GetValue<string>().ShouldBe("q");
    }

    [Fact]
    public async Task Our_platform_completes_a_prompt_as_it_stands()
    {
        var platform = new CompletingPlatform();
        var client = Given.Client(platform);
        var service = new Service(client, endpoint: "ep_1", serviceType: ServiceType.Completion);

        var answer = await service.ExecAsync(new JsonObject { ["prompt"] = "Once ", ["temperature"] = 0.5 }, Given.Token);
        var pieces = new List<string>();
        await foreach (var piece in client.Completions.StreamAsync("ep_1", "Once ", cancellationToken: Given.Token))
        {
            pieces.Add(piece.Text);
        }

        answer["choices"]![0]!.ToJsonString().ShouldBe("""{"index":0,"message":{"role":"assistant","content":"upon"},"finish_reason":"stop"}""");
        pieces.ShouldBe(["up", "on"]);
        platform.Asked.ShouldAllBe(a => a.Path == "/v2/completions");
        platform.Asked.Select(a => (a.Body["model"]!.GetValue<string>(), a.Body["prompt"]!.GetValue<string>(), a.Body["messages"]!.AsArray().Count)).ShouldBe([("ep_1", "Once ", 0), ("ep_1", "Once ", 0)]);
        platform.Asked[0].Body["temperature"]!.GetValue<double>().ShouldBe(0.5);
    }

    [Fact]
    public void The_table_of_the_cloud_gives_names_methods_limits_and_defaults()
    {
        ModelInfo.WireName("ERNIE-Speed").ShouldBe("ERNIE-Speed-8K");
        ModelInfo.Find("nobody", TrainMode.Sft).ShouldBeNull();
        var info = ModelInfo.Find("ERNIE-Speed", TrainMode.Sft).ShouldNotBeNull();
        info.PeftTypes.ShouldBe([PeftType.FullFineTuning, PeftType.LoRA]);
        info.DefaultConfig(PeftType.LoRA).ShouldSatisfyAllConditions(c => c.Epoch.ShouldBe(1), c => c.LearningRate.ShouldBe(0.0003), c => c.LoraAllLinear.ShouldBe("True"), c => c.LoraRank.ShouldBe(8));
        info.Validate(new TrainConfig { PeftType = new PeftType("ALL"), LearningRate = 2e-5, MaxSeqLen = 8192 }).ShouldBeEmpty();
        info.Validate(new TrainConfig { PeftType = PeftType.LoRA, LoraRank = 5 }).Single().ShouldContain("loraRank is 5");
        info.Validate(new TrainConfig { PeftType = PeftType.PromptTuning }).Single().ShouldContain("it offers FullFineTuning, LoRA");
        TrainAction.GetDefaultTrainConfig("ERNIE-Speed").ShouldNotBeSameAs(TrainAction.GetDefaultTrainConfig("ERNIE-Speed"));
        foreach (var type in ModelInfo.KnownTrainTypes())
        {
            if (ModelInfo.Find(type, TrainMode.Sft) is { } known)
            {
                known.PeftTypes.ShouldAllBe(p => known.Validate(known.DefaultConfig(p)).Count == 0, type);
            }
        }
    }

    [Fact]
    public void Train_configs_write_the_names_of_the_wire()
    {
        var config = new TrainConfig { Epoch = 1, LearningRate = 3e-5, LoraTargetModules = ["q", "v"], Packing = "True", Extras = new JsonObject { ["own"] = 1 } };
        config.ToHyperParameters().ToJsonString().ShouldBe("""{"epoch":1,"learningRate":3E-05,"loraTargetModules":["q","v"],"Packing":"True","own":1}""");
        TrainConfig.FromHyperParameters(config.ToHyperParameters()).ToHyperParameters().ToJsonString().ShouldBe(config.ToHyperParameters().ToJsonString());
    }

    private sealed class CompletingPlatform : HttpMessageHandler
    {
        public List<(string Path, JsonObject Body)> Asked { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var body = JsonNode.Parse(await request.Content!.ReadAsStringAsync(cancellationToken))!.AsObject();
            Asked.Add((request.RequestUri!.AbsolutePath, body));
            var (text, type) = body["stream"]!.GetValue<bool>()
                ? ("data: {\"choices\":[{\"index\":0,\"text\":\"up\"}]}\n\ndata: {\"choices\":[{\"index\":0,\"text\":\"on\",\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", "text/event-stream")
                : ("""{"id":"as-1","object":"text_completion","choices":[{"index":0,"text":"upon","finish_reason":"stop"}],"usage":{"total_tokens":2}}""", "application/json");
            return new HttpResponseMessage(System.Net.HttpStatusCode.OK) { Content = new StringContent(text, System.Text.Encoding.UTF8, type) };
        }
    }
}
