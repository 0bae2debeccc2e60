using Microsoft.Extensions.AI;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests.Ecosystem;

public sealed class EmbeddingGeneratorTests
{
    [Fact]
    public async Task Vectors_come_in_the_order_of_the_texts()
    {
        var (generator, platform) = Generator("""{"id":"as-1","created":1767225600,"model":"embedding-v1","data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2]}],"usage":{"prompt_tokens":4,"total_tokens":4}}""");

        var vectors = await generator.GenerateAsync(["a", "b"], new EmbeddingGenerationOptions { AdditionalProperties = new() { ["user"] = "u", ["x"] = 1 } }, Given.Token);

        vectors.Select(v => v.Vector.ToArray()).ShouldBe([[1f, 2f], [3f, 4f]]);
        vectors.ShouldSatisfyAllConditions(
            v => v.Usage!.InputTokenCount.ShouldBe(4),
            v => v[0].ModelId.ShouldBe("embedding-v1"),
            v => v[0].CreatedAt.ShouldBe(DateTimeOffset.FromUnixTimeSeconds(1767225600)));
        platform.Bodies.Single()!.ToJsonString().ShouldBe("""{"model":"embedding-v1","input":["a","b"],"user":"u","x":1}""");
    }

    [Fact]
    public async Task A_missing_vector_is_an_error()
    {
        var (generator, _) = Generator("""{"id":"as-1","data":[{"index":0,"embedding":[1]}]}""");
        await Should.ThrowAsync<QianfanRequestException>(() => generator.GenerateAsync(["a", "b"], cancellationToken: Given.Token));
    }

    [Fact]
    public async Task No_text_needs_no_request_and_another_length_is_refused()
    {
        var (generator, platform) = Generator("{}");

        (await generator.GenerateAsync([], cancellationToken: Given.Token)).ShouldBeEmpty();
        (await Should.ThrowAsync<NotSupportedException>(() => generator.GenerateAsync(["a"], new EmbeddingGenerationOptions { Dimensions = 7 }, Given.Token))).Message.ShouldContain("Dimensions");

        platform.Requests.ShouldBeEmpty();
        generator.GetRequiredService<EmbeddingGeneratorMetadata>().DefaultModelDimensions.ShouldBe(2);
        generator.GetService<EmbeddingsClient>().ShouldNotBeNull();
    }

    private static (IEmbeddingGenerator<string, Embedding<float>> Generator, RecordingHandler Platform) Generator(string answer)
    {
        var platform = new RecordingHandler(RecordingHandler.Json(answer));
        return (new QianfanClient(Given.Options() with { AccessKey = null, SecretKey = null, BearerToken = "token" }, new HttpClient(platform)).AsIEmbeddingGenerator("embedding-v1", 2), platform);
    }
}
