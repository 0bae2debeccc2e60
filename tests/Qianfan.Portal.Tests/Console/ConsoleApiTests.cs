using System.Net;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Console;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Tests.Models;

namespace Qianfan.Portal.Tests.Console;

public class ConsoleApiTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tokens_arrive_one_by_one_in_order_while_the_answer_is_still_being_made()
    {
        var (platform, answer) = Answering();
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        using var browser = await portal.CreateClientAsync();

        await answer.SayAsync("饼");
        using var response = await PageScript.PostAsync(browser, Urls.ConsoleChat(portal.ProjectId), Question(published), Cancel);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        await using var events = Read(await response.Content.ReadAsStreamAsync(Cancel)).GetAsyncEnumerator(Cancel);

        // Each piece is sent only after the one before it has arrived: whoever buffers would wait for ever.
        (await NextAsync(events)).ShouldBe(("text", "饼"));
        await answer.SayAsync("干");
        (await NextAsync(events)).ShouldBe(("text", "干"));
        await answer.SayAsync("。", "stop");
        (await NextAsync(events)).ShouldBe(("text", "。"));
        await answer.EndAsync();
        (await events.MoveNextAsync()).ShouldBeTrue();
        events.Current.EventType.ShouldBe("done");
        using var done = JsonDocument.Parse(events.Current.Data);
        done.RootElement.GetProperty("promptTokens").GetInt32().ShouldBe(7);
        done.RootElement.GetProperty("completionTokens").GetInt32().ShouldBe(3);
        done.RootElement.GetProperty("finishReason").GetString().ShouldBe("stop");
        (await events.MoveNextAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task Characters_whose_bytes_arrive_in_halves_come_out_whole()
    {
        var (platform, answer) = Answering();
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        using var browser = await portal.CreateClientAsync();
        var piece = Encoding.UTF8.GetBytes("""data: {"id":"a","choices":[{"index":0,"delta":{"content":"灯塔"}}]}""" + "\n\n");
        var cut = Array.IndexOf(piece, (byte)0xE7) + 1;

        await answer.SendAsync(piece.AsMemory(0, cut));
        var asking = PageScript.PostAsync(browser, Urls.ConsoleChat(portal.ProjectId), Question(published), Cancel);
        await answer.SendAsync(piece.AsMemory(cut));
        using var response = await asking;
        await using var events = Read(await response.Content.ReadAsStreamAsync(Cancel)).GetAsyncEnumerator(Cancel);

        (await NextAsync(events)).ShouldBe(("text", "灯塔"));
        await answer.SayAsync("", "stop");
        await answer.EndAsync();
    }

    [Fact]
    public async Task A_stop_in_the_browser_ends_the_platforms_answer_too()
    {
        var (platform, answer) = Answering();
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        using var browser = await portal.CreateClientAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);

        await answer.SayAsync("A cat");
        var response = await PageScript.PostAsync(browser, Urls.ConsoleChat(portal.ProjectId), Question(published), stop.Token);
        await using var events = Read(await response.Content.ReadAsStreamAsync(Cancel)).GetAsyncEnumerator(Cancel);
        (await NextAsync(events)).ShouldBe(("text", "A cat"));
        answer.Closed.Task.IsCompleted.ShouldBeFalse();

        response.Dispose();

        await answer.Closed.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancel);
    }

    [Fact]
    public async Task The_endpoint_answers_for_the_tuned_side_and_the_base_model_for_the_other_with_the_same_parameters()
    {
        var platform = new ScriptedPlatform();
        platform.Answers["POST /v2/chat/completions"] = _ => Whole("x");
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        using var browser = await portal.CreateClientAsync();

        foreach (var side in (string[])["tuned", "base"])
        {
            using var response = await PageScript.PostAsync(browser, Urls.ConsoleChat(portal.ProjectId), Question(published, side), Cancel);
            (await response.Content.ReadAsStringAsync(Cancel)).ShouldContain("event: done");
        }

        var bodies = platform.BodiesOf("POST /v2/chat/completions").Select(b => JsonDocument.Parse(b).RootElement).ToList();
        bodies.Select(b => b.GetProperty("model").GetString()).ShouldBe(["bikes_endpoint", "qianfan-tiny"]);
        foreach (var body in bodies)
        {
            body.GetProperty("temperature").GetDouble().ShouldBe(0.5);
            body.GetProperty("max_completion_tokens").GetInt32().ShouldBe(64);
            body.GetProperty("seed").GetInt64().ShouldBe(3);
            body.GetProperty("messages").EnumerateArray().Select(m => m.GetProperty("role").GetString()).ShouldBe(["system", "user"]);
        }
    }

    [Fact]
    public async Task What_the_platform_says_in_the_middle_of_an_answer_ends_it_as_an_error_event()
    {
        var (platform, answer) = Answering();
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        using var browser = await portal.CreateClientAsync();

        await answer.SayAsync("A cat");
        await answer.SendAsync("""data: {"error":{"code":"internal_error","message":"the worker died"}}""" + "\n\n");
        using var response = await PageScript.PostAsync(browser, Urls.ConsoleChat(portal.ProjectId), Question(published), Cancel);
        await using var events = Read(await response.Content.ReadAsStreamAsync(Cancel)).GetAsyncEnumerator(Cancel);

        (await NextAsync(events)).ShouldBe(("text", "A cat"));
        (await events.MoveNextAsync()).ShouldBeTrue();
        events.Current.EventType.ShouldBe("error");
        events.Current.Data.ShouldContain("the worker died");
    }

    [Fact]
    public async Task A_viewer_may_talk_another_team_may_not_and_nobody_without_token_or_login()
    {
        var platform = new ScriptedPlatform();
        platform.Answers["POST /v2/chat/completions"] = _ => Whole("x");
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        await portal.AddUserAsync("viewer@example.com", TeamRole.Viewer);
        var (_, otherProject) = await portal.AddTeamAsync("stranger@example.com");
        using var viewer = await portal.CreateClientAsync("viewer@example.com");
        using var stranger = await portal.CreateClientAsync("stranger@example.com");
        using var nobody = portal.CreateBrowser();
        var url = Urls.ConsoleChat(portal.ProjectId);
        StringContent Body() => new(JsonSerializer.Serialize(Question(published)), Encoding.UTF8, "application/json");

        using var theirs = await PageScript.PostAsync(stranger, url, Question(published), Cancel);
        using var throughTheirOwn = await PageScript.PostAsync(stranger, Urls.ConsoleChat(otherProject), Question(published), Cancel);
        using var noToken = await PageScript.SendAsync(viewer, url, Body(), null);
        using var noLogin = await PageScript.SendAsync(nobody, url, Body(), "made-up");
        theirs.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        throughTheirOwn.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        noToken.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        noLogin.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        platform.Asked.ShouldBeEmpty();

        using var seen = await PageScript.PostAsync(viewer, url, Question(published), Cancel);
        (await seen.Content.ReadAsStringAsync(Cancel)).ShouldContain("event: done");
    }

    [Fact]
    public async Task Wrong_parameters_and_a_missing_question_are_named_and_never_reach_the_platform()
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        using var browser = await portal.CreateClientAsync();
        (object Body, string Code)[] wrong =
        [
            (new { serviceId = published.ServiceId, prompt = "x", temperature = 3.0 }, "ParameterRange"),
            (new { serviceId = published.ServiceId, prompt = "x", topP = 0.0 }, "ParameterRange"),
            (new { serviceId = published.ServiceId, prompt = "x", maxTokens = 0 }, "ParameterRange"),
            (new { serviceId = published.ServiceId }, "QuestionMissing"),
            (new { serviceId = published.ServiceId, messages = new[] { new { role = "assistant", content = "x" } } }, "QuestionMissing"),
            (new { serviceId = published.ServiceId, messages = new[] { new { role = "tool", content = "x" }, new { role = "user", content = "x" } } }, "QuestionMissing"),
        ];

        foreach (var (body, code) in wrong)
        {
            using var response = await PageScript.PostAsync(browser, Urls.ConsoleChat(portal.ProjectId), body, Cancel);
            response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
            (await PageScript.CodeOf(response)).ShouldBe(code);
        }

        platform.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task On_the_cloud_there_is_no_base_model_beside()
    {
        await using var portal = new ScriptedPlatform().CreatePortal();
        var published = await Published.AddAsync(portal);
        await using (var db = portal.Db())
            await db.Connections.ExecuteUpdateAsync(c => c.SetProperty(x => x.Kind, ConnectionKind.Cloud), Cancel);
        using var browser = await portal.CreateClientAsync();

        using var response = await PageScript.PostAsync(browser, Urls.ConsoleChat(portal.ProjectId), Question(published, "base"), Cancel);

        (await PageScript.CodeOf(response)).ShouldBe("BaseNotServed");
    }

    [Fact]
    public async Task Suggestions_are_the_questions_of_the_dataset_behind_the_service()
    {
        await using var portal = new ScriptedPlatform().CreatePortal();
        var published = await Published.AddAsync(portal);

        (await portal.Get<ConsoleService>().SuggestAsync(await portal.ActorAsync(), portal.ProjectId, published.ServiceId, Cancel)).ShouldBe(["What is the mascot?"]);
    }

    [Fact]
    public async Task Two_texts_are_compared_by_the_cosine_of_their_embeddings()
    {
        var platform = new ScriptedPlatform();
        platform.Answers["POST /v2/embeddings"] = _ => ScriptedPlatform.Json("""{"id":"e","object":"embedding_list","created":1,"data":[{"object":"embedding","index":1,"embedding":[0,2]},{"object":"embedding","index":0,"embedding":[3,3]}],"usage":{"prompt_tokens":5,"total_tokens":5}}""");
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);

        var compared = await portal.Get<ConsoleService>().CompareAsync(await portal.ActorAsync(), portal.ProjectId, published.ServiceId, ConsoleSide.Tuned, "a", "b", Cancel);

        compared.Similarity.ShouldBe(Math.Sqrt(0.5), 1e-6);
        compared.First.ShouldBe([3f, 3f]);
    }

    private static (ScriptedPlatform Platform, ScriptedAnswer Answer) Answering()
    {
        var platform = new ScriptedPlatform();
        var answer = new ScriptedAnswer();
        platform.Answers["POST /v2/chat/completions"] = _ => answer.Response;
        return (platform, answer);
    }

    private static HttpResponseMessage Whole(string text) => new(HttpStatusCode.OK)
    {
        Content = new StringContent(
            $$"""data: {"id":"a","choices":[{"index":0,"delta":{"content":"{{text}}"},"finish_reason":"stop"}]}""" + "\n\ndata: [DONE]\n\n",
            Encoding.UTF8,
            "text/event-stream"),
    };

    private static object Question(Published published, string side = "tuned") => new
    {
        serviceId = published.ServiceId,
        side,
        messages = new[] { new { role = "user", content = "What is the mascot?" } },
        system = "Answer shortly.",
        temperature = 0.5,
        maxTokens = 64,
        seed = 3,
    };

    private static IAsyncEnumerable<SseItem<string>> Read(Stream stream) => SseParser.Create(stream).EnumerateAsync(Cancel);

    private static async Task<(string, string?)> NextAsync(IAsyncEnumerator<SseItem<string>> events)
    {
        (await events.MoveNextAsync()).ShouldBeTrue();
        using var data = JsonDocument.Parse(events.Current.Data);
        return (events.Current.EventType, data.RootElement.TryGetProperty("text", out var text) ? text.GetString() : events.Current.Data);
    }
}
