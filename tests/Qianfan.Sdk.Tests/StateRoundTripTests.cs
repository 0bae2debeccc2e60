using System.Text.Json.Nodes;
using CsCheck;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests;

/// <summary>Whatever a trainer, model or service holds, its text brings it back; whatever text comes, it is read or refused.</summary>
public sealed class StateRoundTripTests
{
    private static readonly QianfanClient s_client = Given.Client(new ScriptedPlatform());

    private static readonly Gen<string?> s_text = Gen.String.Null();

    private static readonly Gen<string> s_id = Gen.String[Gen.Char.AlphaNumeric, 1, 12];

    private static readonly Gen<JsonObject?> s_extras = Gen.Select(Gen.String, Gen.Double[-1e9, 1e9]).Array[0, 3].Null().Select(items =>
        items is null ? null : new JsonObject([.. items.GroupBy(i => i.Item1).Select(g => KeyValuePair.Create(g.Key, (JsonNode?)JsonValue.Create(g.First().Item2)))]));

    private static readonly Gen<TrainConfig> s_trainConfig = Gen.Select(
        Gen.Int.Nullable(), Gen.Double[1e-10, 1].Nullable(), OneOf<PeftType?>(null, PeftType.LoRA, new PeftType("ALL"), new PeftType("new")), Gen.Int[0, 100], Gen.String.Array[0, 3].Null(), s_text, s_extras, Gen.Int.Nullable())
        .Select((epoch, rate, peft, split, modules, scheduler, extras, nodes) => new TrainConfig
        {
            Epoch = epoch,
            LearningRate = rate,
            PeftType = peft,
            TrainsetRate = split,
            LoraTargetModules = modules,
            SchedulerName = scheduler,
            Extras = extras,
            ResourceConfig = nodes is null ? null : new TrainResourceConfig { NodeNum = nodes },
        });

    private static readonly Gen<DeployConfig> s_deployConfig = Gen.Select(Gen.String, Gen.String, Gen.Int[1, 9], Gen.Enum<DeployPoolType>(), Gen.Enum<ServiceType>(), Gen.Int.Nullable())
        .Select((name, prefix, replicas, pool, type, months) => new DeployConfig { Name = name, EndpointPrefix = prefix, Replicas = replicas, PoolType = pool, ServiceType = type, Months = months });

    private static readonly Gen<DatasetConfig> s_datasets = Gen.OneOf(
        Gen.Select(s_id, Gen.Double[0.01, 10].Nullable()).Array[1, 3].Select(d => d.Select(x => DatasetSource.Of(Dataset.Load(x.Item1), x.Item2)).ToList()),
        Gen.Select(s_id, Gen.Double[0.01, 10].Nullable()).Array[1, 3].Select(d => d.Select(x => DatasetSource.OfBos("bos:/" + x.Item1, x.Item2)).ToList()))
        .Select(Gen.Double[0, 100].Nullable(), (sources, split) => new DatasetConfig { Sources = sources, SplitRatio = split });

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    [Fact]
    public void A_trainer_is_what_its_text_says() => Gen.Select(s_datasets, s_trainConfig, s_deployConfig, s_id, s_text, s_extras)
        .Select((datasets, train, deploy, id, job, extras) => new LlmFinetune(
            s_client, "qianfan-tiny", datasets, train, deploy, options: new LlmFinetuneOptions { Id = id, JobName = job, TrainExtras = extras, ValidateStrict = false }))
        .Sample(trainer => LlmFinetune.Loads(trainer.Dumps(), s_client).Dumps() == trainer.Dumps(), iter: 300);

    [Fact]
    public void A_train_config_is_what_its_text_says() => s_trainConfig.Sample(
        config =>
        {
            var action = new TrainAction(s_client, "m", config);
            var again = ((TrainAction)Pipeline.Loads(new Pipeline([action]).Dumps(), s_client).Actions[0]).TrainConfig!;
            again.ToHyperParameters().ToJsonString().ShouldBe(config.ToHyperParameters().ToJsonString());
            (again.PeftType, again.TrainsetRate, again.ResourceConfig).ShouldBe((config.PeftType, config.TrainsetRate, config.ResourceConfig));
        },
        iter: 300);

    [Fact]
    public void Models_and_services_are_what_their_texts_say() => Gen.Select(s_text, s_text, s_text, s_deployConfig).Sample(
        (a, b, c, deploy) =>
        {
            var model = new Model(s_client, a, b, c, b, a);
            var service = new Service(s_client, b, c, deploy.ServiceType, new Model(s_client, "am-1", "amv-1"), deploy, a);
            return Model.Loads(model.Dumps(), s_client).Dumps() == model.Dumps() && Service.Loads(service.Dumps(), s_client).Dumps() == service.Dumps();
        },
        iter: 300);

    [Fact]
    public void A_text_that_was_damaged_is_read_or_refused_and_nothing_else()
    {
        var text = Given.Finetune(s_client, config: new TrainConfig { Epoch = 1, Extras = new JsonObject { ["k"] = 1 } }).Dumps();
        Gen.Select(Gen.Int[0, text.Length - 1], Gen.Int[0, 40], OneOf("", "0", "\"", "null", "{}", "[", ",", "true", "é")).Sample(
            (at, length, instead) =>
            {
                var damaged = text[..at] + instead + text[Math.Min(text.Length, at + length)..];
                try
                {
                    LlmFinetune.Loads(damaged, s_client).ShouldNotBeNull();
                }
                catch (InvalidArgumentException)
                {
                    // Refused, and with a message for people.
                }
            },
            iter: 3000);
    }
}
