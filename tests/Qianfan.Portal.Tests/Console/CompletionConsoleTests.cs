using System.Net;
using System.Security.Claims;
using System.Text;
using System.Text.Json.Nodes;
using Bunit;
using Bunit.TestDoubles;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Forms;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Portal.Features.Console;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Tests.Models;

namespace Qianfan.Portal.Tests.Console;

/// <summary>The console and the page of a service that goes on with texts and does not chat.</summary>
public sealed class CompletionConsoleTests : PortalComponents, IAsyncLifetime
{
    private readonly ScriptedPlatform _platform = new();
    private PortalFactory _portal = null!;
    private Published _published = null!;

    private static CancellationToken Cancel => Xunit.TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _platform.Answers["POST /v2/service DescribeService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":{"serviceId":"svco-1","name":"x","runStatus":"Serving"}}""");
        _platform.Answers["POST /v2/completions"] = _ => new HttpResponseMessage(HttpStatusCode.OK)
        {
            Content = new StringContent("""
                data: {"id":"as-1","choices":[{"index":0,"text":" a lamp"}]}

                data: {"id":"as-1","choices":[{"index":0,"text":".","finish_reason":"stop"}]}

                data: {"id":"as-1","choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2,"total_tokens":6}}

                data: [DONE]


                """, Encoding.UTF8, "text/event-stream"),
        };
        _portal = _platform.CreatePortal();
        _published = await Published.AddAsync(_portal);
        await using var db = _portal.Db();
        await db.Services.ExecuteUpdateAsync(s => s.SetProperty(x => x.ServiceType, "Completion"), Cancel);
        Services.AddSingleton(_portal.Get<ServiceDirectory>());
        Services.AddSingleton(_portal.Get<ConsoleService>());
        Services.AddSingleton<AntiforgeryStateProvider, FixedToken>();
        var actor = await _portal.ActorAsync();
        var authorization = AddAuthorization();
        authorization.SetAuthorized(actor.Name);
        authorization.SetClaims(new Claim(ClaimTypes.NameIdentifier, actor.Id.ToString()!));
    }

    [Fact]
    public void The_console_says_why_it_does_not_chat_and_takes_a_beginning()
    {
        var page = Show<ConsolePage>();
        page.WaitForAssertion(() => page.FindAll("[data-testid=completion-prompt]").Count.ShouldBe(1));

        page.Find("[data-testid=console-completes]").TextContent.ShouldContain("goes on with what you begin");
        page.FindAll("[data-testid=console-input]").ShouldBeEmpty();
        page.FindAll("[data-testid=embedding-first]").ShouldBeEmpty();
        page.Markup.ShouldContain("/v2/completions");
    }

    [Fact]
    public void The_page_of_the_service_shows_how_to_call_it()
    {
        var page = Show<ServicePage>(("ServiceId", _published.ServiceId));
        page.WaitForAssertion(() => page.Find("[data-testid=service-address]").TextContent.ShouldBe("http://localhost/v2/completions"));

        page.Markup.ShouldContain("\"prompt\"", Case.Sensitive, page.Markup);
        page.Markup.ShouldNotContain("/v2/chat/completions");
    }

    [Theory]
    [InlineData("tuned", "bikes_endpoint")]
    [InlineData("base", "qianfan-tiny")]
    public async Task A_beginning_is_sent_as_it_stands_and_what_follows_comes_back(string side, string model)
    {
        using var browser = await _portal.CreateClientAsync();

        using var response = await PageScript.PostAsync(browser, Urls.ConsoleChat(_portal.ProjectId), new { serviceId = _published.ServiceId, side, prompt = "Once there was", temperature = 0, maxTokens = 9 }, Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);

        response.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        text.ShouldContain("{\"text\":\" a lamp\"");
        text.ShouldContain("\"finishReason\":\"stop\"");
        text.ShouldContain("\"completionTokens\":2");
        var sent = JsonNode.Parse(_platform.BodiesOf("POST /v2/completions").ShouldHaveSingleItem())!;
        ((string?)sent["model"], (string?)sent["prompt"], (int?)sent["max_completion_tokens"]).ShouldBe((model, "Once there was", 9));
        _platform.Asked.ShouldNotContain("POST /v2/chat/completions");
    }

    [Fact]
    public async Task A_conversation_is_refused_before_anybody_is_asked()
    {
        using var browser = await _portal.CreateClientAsync();

        using var response = await PageScript.PostAsync(browser, Urls.ConsoleChat(_portal.ProjectId), new { serviceId = _published.ServiceId, messages = new[] { new { role = "user", content = "hi" } } }, Cancel);

        (await PageScript.CodeOf(response)).ShouldBe("ServiceOnlyCompletes");
        _platform.Asked.ShouldBeEmpty();
    }

    private IRenderedComponent<IComponent> Show<TPage>(params (string Name, object Value)[] parameters) where TPage : IComponent =>
        RenderWithProviders(builder =>
        {
            builder.OpenComponent<TPage>(0);
            builder.AddAttribute(1, "ProjectId", _portal.ProjectId);
            foreach (var (name, value) in parameters)
                builder.AddAttribute(2, name, value);
            builder.CloseComponent();
        });

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await base.DisposeAsync();
        await _portal.DisposeAsync();
    }

    private sealed class FixedToken : AntiforgeryStateProvider
    {
        public override AntiforgeryRequestToken? GetAntiforgeryToken() => new("token", "__RequestVerificationToken");
    }
}
