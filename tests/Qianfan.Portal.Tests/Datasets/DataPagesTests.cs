using System.Globalization;
using System.Text.Json.Nodes;
using Bunit;
using Qianfan.Portal.Features.Console;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Tests.Console;

namespace Qianfan.Portal.Tests.Datasets;

/// <summary>The pages of datasets, models, services and the console, with the real services behind them.</summary>
public sealed class DataPagesTests : PortalPages
{
    public DataPagesTests() =>
        Platform.Answers["POST /v2/service DescribeService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":{"serviceId":"svco-1","name":"x","runStatus":"Serving"}}""");

    [Fact]
    public async Task The_dataset_page_shows_counts_bad_rows_and_the_first_rows_as_text()
    {
        await SignInAsync();

        var page = Show<DatasetPage>(("DatasetId", Published.DatasetId));
        page.WaitForAssertion(() => page.Find("[data-testid=good-rows]").TextContent.ShouldBe("200"));

        page.Find("[data-testid=bad-rows]").TextContent.ShouldBe("1");
        var errors = page.Find("[data-testid=row-errors]").TextContent;
        errors.ShouldContain("7");
        errors.ShouldContain("[0].response");
        errors.ShouldContain("A field is missing.");
        var preview = page.Find("[data-testid=dataset-preview]");
        preview.TextContent.ShouldContain("A cat called <b>Biscuit</b>.");
        preview.QuerySelector("b").ShouldBeNull();
        page.Find("[data-testid=finetune-link]").GetAttribute("href").ShouldBe($"{Urls.Runs(Portal.ProjectId)}?dataset={Published.DatasetId}");
        page.Find("[data-testid=content-hash]").TextContent.ShouldBe(new string('a', 64));
        page.Markup.ShouldContain(Urls.Run(Portal.ProjectId, Published.RunId));
    }

    [Fact]
    public async Task A_viewer_sees_the_dataset_but_no_button_that_changes_something()
    {
        SignIn(await Portal.AddUserAsync("viewer@example.com", TeamRole.Viewer));

        var page = Show<DatasetPage>(("DatasetId", Published.DatasetId));
        page.WaitForAssertion(() => page.Find("[data-testid=good-rows]").TextContent.ShouldBe("200"));

        page.FindAll("[data-testid=dataset-delete]").ShouldBeEmpty();
        page.FindAll("[data-testid=finetune-link]").ShouldBeEmpty();
    }

    [Fact]
    public async Task Another_teams_dataset_looks_like_one_that_does_not_exist()
    {
        await Portal.AddTeamAsync("stranger@example.com");
        SignIn(await Portal.ActorAsync("stranger@example.com"));

        var page = Show<DatasetPage>(("DatasetId", Published.DatasetId));

        page.WaitForAssertion(() => page.Markup.ShouldContain("Nothing here"));
        page.Markup.ShouldNotContain("Bikes");
    }

    [Fact]
    public async Task The_list_page_offers_the_upload_and_refuses_a_file_over_the_limit_before_it_is_sent()
    {
        await SignInAsync();
        var page = Show<DatasetListPage>();
        page.WaitForAssertion(() => page.Find("[data-testid=datasets]").TextContent.ShouldContain("Bikes"));
        var card = page.FindComponent<DatasetUploadCard>();
        page.FindAll("[data-testid=upload-submit]").ShouldBeEmpty();

        await card.InvokeAsync(() => card.Instance.FileChosen("rows.jsonl", long.MaxValue));
        page.Find("[data-testid=upload-error]").TextContent.ShouldContain("too large");
        page.FindAll("[data-testid=upload-submit]").ShouldBeEmpty();

        await card.InvokeAsync(() => card.Instance.FileChosen("rows.jsonl", 100));
        page.FindAll("[data-testid=upload-submit]").Count.ShouldBe(1);
        page.FindAll("[data-testid=upload-error]").ShouldBeEmpty();
    }

    [Fact]
    public async Task Bad_rows_of_a_refused_file_stand_in_the_upload_card_and_a_stored_one_opens()
    {
        await SignInAsync();
        var page = Show<DatasetListPage>();
        page.WaitForAssertion(() => page.FindComponents<DatasetUploadCard>().Count.ShouldBe(1));
        var card = page.FindComponent<DatasetUploadCard>();

        await card.InvokeAsync(() => card.Instance.UploadEnded(new UploadEnd(null, "DatasetNoGoodRow", "None of the 1 rows can be used.", [new RowError(3, "[0].response", "missing_field", "x")])));
        var error = page.Find("[data-testid=upload-error]").TextContent;
        error.ShouldContain("None of the 1 rows");
        error.ShouldContain("Line 3 ([0].response)");
        error.ShouldContain("A field is missing.");

        await card.InvokeAsync(() => card.Instance.UploadEnded(new UploadEnd(Published.DatasetId, null, null, null)));
        Address.ShouldEndWith(Urls.Dataset(Portal.ProjectId, Published.DatasetId));
    }

    [Fact]
    public async Task A_model_shows_where_it_comes_from_and_what_answers_with_it()
    {
        await SignInAsync();

        var page = Show<ModelPage>(("ModelSetId", Published.ModelSetId));
        page.WaitForAssertion(() => page.FindAll("[data-testid=model-version]").Count.ShouldBe(1));

        page.Markup.ShouldContain(Urls.Dataset(Portal.ProjectId, Published.DatasetId));
        page.Markup.ShouldContain(Urls.Run(Portal.ProjectId, Published.RunId));
        page.Markup.ShouldContain(Urls.Service(Portal.ProjectId, Published.ServiceId));
        page.Markup.ShouldContain("qianfan-tiny");
        page.Markup.ShouldContain("0.125");

        var list = Render<ModelListPage>(p => p.Add(x => x.ProjectId, Portal.ProjectId));
        list.WaitForAssertion(() => list.Find("[data-testid=models]").TextContent.ShouldContain("bikes-service"));
    }

    [Fact]
    public async Task A_service_shows_its_status_address_and_code()
    {
        await SignInAsync();

        var page = Show<ServicePage>(("ServiceId", Published.ServiceId));
        page.WaitForAssertion(() => page.FindAll("[data-status=Serving]").Count.ShouldBe(1));

        page.Find("[data-testid=service-endpoint]").TextContent.ShouldBe("bikes_endpoint");
        page.Find("[data-testid=service-address]").TextContent.ShouldBe("http://localhost/v2/chat/completions");
        page.FindAll("[data-testid=service-stop]").Count.ShouldBe(1);
        page.FindAll("[data-testid=service-start]").ShouldBeEmpty();
        page.Markup.ShouldContain("bce-v3/YOUR_ACCESS_KEY/YOUR_SECRET_KEY");

        var list = Render<ServiceListPage>(p => p.Add(x => x.ProjectId, Portal.ProjectId));
        list.WaitForAssertion(() => list.FindAll("[data-status=Serving]").Count.ShouldBe(1));
    }

    [Fact]
    public async Task A_service_shows_its_health_and_what_it_was_asked()
    {
        Platform.Answers["POST /v2/service DescribeService"] = _ => ScriptedPlatform.Json("""
            {"requestId":"r","result":{"serviceId":"svco-1","name":"x","runStatus":"Serving","modelVersionId":"amv-1","resourceConfig":{"type":"CPU-I-2","replicasCount":3},
             "history":[{"modelVersionId":"amv-1"},{"modelVersionId":"amv-0"}],"health":{"loaded":false,"running":2,"waiting":5,"workerRunning":true,"workerRestarts":1,"workerMemoryBytes":104857600,"lastError":"It was too much"}}}
            """);
        Platform.Answers["POST /v2/service DescribeServiceMetric"] = body => ScriptedPlatform.Json("""
            {"requestId":"r","result":{"serviceList":[{"serviceId":"svco-1","appList":[{"appId":"a","metric":{"callTotal":1000,"failureCallTotal":1}},{"appId":"b","metric":{"callTotal":234,"failureCallTotal":1}}],
             "performance":{"calls":9,"firstTokenMillisecondsP50":12,"firstTokenMillisecondsP95":34,"firstTokenMillisecondsP99":56,"tokensPerSecondP50":78}}]}}
            """);
        await SignInAsync();

        var page = Show<ServicePage>(("ServiceId", Published.ServiceId));
        page.WaitForAssertion(() => page.Find("[data-testid=metric-calls]").TextContent.ShouldBe(1234.ToString("N0", CultureInfo.CurrentCulture)));

        page.Find("[data-testid=metric-failed]").TextContent.ShouldBe("2");
        page.Find("[data-testid=metric-first-token]").TextContent.ShouldBe("12, 34, 56 ms");
        var health = page.Find("[data-testid=service-health]").TextContent;
        health.ShouldContain("2 running, 5 waiting, 3 replicas");
        health.ShouldContain("Running, 1 restart, 100 MB");
        health.ShouldContain("It was too much");
        page.Find("[data-testid=service-loaded]").TextContent.ShouldContain("the next call loads it");
        foreach (var action in new[] { "service-scale", "service-rollback", "service-stop" }) page.FindAll($"[data-testid={action}]").Count.ShouldBe(1, action);
        // There is only one version in the portal.
        page.FindAll("[data-testid=service-switch]").ShouldBeEmpty();

        page.Find("[data-testid=window-Day]").Click();
        page.WaitForAssertion(() =>
        {
            var asked = JsonNode.Parse(Platform.BodiesOf("POST /v2/service DescribeServiceMetric")[^1])!;
            (DateTimeOffset.Parse((string)asked["endTime"]!, CultureInfo.InvariantCulture) - DateTimeOffset.Parse((string)asked["startTime"]!, CultureInfo.InvariantCulture)).ShouldBeGreaterThan(TimeSpan.FromHours(23));
        });
    }

    [Fact]
    public async Task A_service_is_scaled_and_rolled_back_from_its_page()
    {
        Platform.Answers["POST /v2/service DescribeService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":{"serviceId":"svco-1","name":"x","runStatus":"Serving","modelVersionId":"amv-1","resourceConfig":{"type":"CPU-I-2","replicasCount":3},"history":[{"modelVersionId":"amv-1"},{"modelVersionId":"amv-0"}]}}""");
        Platform.Answers["POST /v2/service ModifyService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":true}""");
        Platform.Answers["POST /v2/service RollbackService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":{"modelVersionId":"amv-1"}}""");
        await SignInAsync();

        var page = Show<ServicePage>(("ServiceId", Published.ServiceId));
        page.WaitForAssertion(() => page.FindAll("[data-testid=service-scale]").Count.ShouldBe(1));
        page.Find("[data-testid=service-scale]").Click();
        page.WaitForAssertion(() => page.FindAll("[data-testid=save]").Count.ShouldBe(1));
        page.Find("[data-testid=replicas]").Input("5");
        page.Find("[data-testid=save]").Click();
        page.WaitForAssertion(() => Platform.BodiesOf("POST /v2/service ModifyService").Single().ShouldContain("\"replicasCount\":5"));

        page.WaitForAssertion(() => page.Find("[data-testid=service-rollback]").HasAttribute("disabled").ShouldBeFalse());
        page.Find("[data-testid=service-rollback]").Click();
        page.WaitForAssertion(() => page.FindAll("[data-testid=confirm]").Count.ShouldBe(1));
        page.Find("[data-testid=confirm]").Click();
        page.WaitForAssertion(() => Platform.BodiesOf("POST /v2/service RollbackService").Count.ShouldBe(1));
    }

    [Fact]
    public async Task A_viewer_sees_a_services_health_but_no_button_that_changes_it()
    {
        Platform.Answers["POST /v2/service DescribeService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":{"serviceId":"svco-1","name":"x","runStatus":"Serving","health":{"loaded":true},"history":[{"modelVersionId":"amv-1"},{"modelVersionId":"amv-0"}]}}""");
        SignIn(await Portal.AddUserAsync("viewer@example.com", TeamRole.Viewer));

        var page = Show<ServicePage>(("ServiceId", Published.ServiceId));
        page.WaitForAssertion(() => page.Find("[data-testid=service-loaded]").TextContent.ShouldBe("In memory"));

        foreach (var action in new[] { "service-scale", "service-switch", "service-rollback", "service-stop", "service-delete" }) page.FindAll($"[data-testid={action}]").ShouldBeEmpty(action);
    }

    [Fact]
    public async Task The_console_opens_the_newest_service_with_questions_and_comparison()
    {
        await SignInAsync();

        var page = Show<ConsolePage>();
        page.WaitForAssertion(() => page.FindAll("[data-testid=console-input]").Count.ShouldBe(1));

        page.Find("[data-suggestion]").TextContent.ShouldBe("What is the mascot?");
        page.Find("[data-testid=console-compare]").HasAttribute("checked").ShouldBeTrue();
        page.FindAll("[data-testid=completion-prompt]").Count.ShouldBe(1);
    }
}
