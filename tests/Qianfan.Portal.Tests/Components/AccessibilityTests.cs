using AngleSharp.Dom;
using AngleSharp.Html.Parser;
using Bunit;
using Microsoft.AspNetCore.Components;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Quotas;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Features.Usage;
using Qianfan.Portal.Tests.Console;

namespace Qianfan.Portal.Tests.Components;

/// <summary>The pages of one thing each, with all that they can show and all that they can ask, as <see cref="Accessibility"/> sees them.</summary>
public sealed class AccessibilityTests : PortalPages
{
    public AccessibilityTests()
    {
        Platform.Answers["POST /wenxinworkshop/dataset/info"] = _ => ScriptedPlatform.Json("""
            {"log_id":"1","status":200,"success":true,"result":{"name":"x","versionInfo":{"datasetPK":"ds-1","importStatus":2,"tokenStatistics":[{"model":"qianfan-tiny","rowCount":200,"tokenCount":12345,"maxSeqLen":512,"truncatedRowCount":3}]}}}
            """);
        Platform.Answers["POST /v2/model DescribeModel"] = _ => ScriptedPlatform.Json("""
            {"requestId":"r","result":{"modelId":"amv-1","exportFormats":["safetensors","adapter","gguf-f16","gguf-q8_0"],"lineage":{"seed":42,"datasets":[{"name":"Bikes","version":1,"contentHash":"c0ffee","rows":1}]}}}
            """);
        Platform.Answers["POST /v2/model DescribeModelExportTasks"] = _ => ScriptedPlatform.Json("""
            {"requestId":"r","result":{"exportTaskList":[{"exportTaskId":"1","format":"safetensors","status":"Done","fileName":"x.zip","bytes":1,"sha256":"a"},
             {"exportTaskId":"2","format":"adapter","status":"Running","progress":42},{"exportTaskId":"3","format":"gguf-f16","status":"Failed","message":"The disk is full"}]}}
            """);
        Platform.Answers["POST /v2/service DescribeService"] = _ => ScriptedPlatform.Json("""
            {"requestId":"r","result":{"serviceId":"svco-1","name":"x","runStatus":"Serving","modelVersionId":"amv-1","history":[{"modelVersionId":"amv-1"},{"modelVersionId":"amv-0"}],"health":{"loaded":true,"lastError":"It was too much"}}}
            """);
        Platform.Answers["POST /v2/service DescribeServiceMetric"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":{"serviceList":[{"serviceId":"svco-1","appList":[{"appId":"k","metric":{"callTotal":7}}]}]}}""");
        Platform.Answers["POST /v2/usage DescribeUsage"] = _ => ScriptedPlatform.Json("""
            {"requestId":"r","result":{"usageList":[{"date":"2026-01-01","accessKey":"k","api":"V1","model":"m","callTotal":3}],"quotaList":[{"account":"team:x","tokensUsed":30,"runningRuns":0,"storageUsed":5}]}}
            """);
    }

    [Fact]
    public async Task Of_a_dataset() => await CheckAsync(Show<DatasetPage>, ("DatasetId", Published.DatasetId), "section[data-testid=dataset-tokens]", ["dataset-delete"]);

    [Fact]
    public async Task Of_a_model() => await CheckAsync(Show<ModelPage>, ("ModelSetId", Published.ModelSetId), "[data-testid=export-error]", ["model-delete", "version-delete", "export-delete"]);

    [Fact]
    public async Task Of_a_service()
    {
        await using (var db = Portal.Db())
        {
            db.Add(new ModelVersion { ProjectId = Portal.ProjectId, ModelSetId = Published.ModelSetId, PlatformId = "amv-2", Number = 2, BaseModel = "qianfan-tiny", CreatedAt = Time.GetUtcNow() });
            await db.SaveChangesAsync(Cancel);
        }

        await CheckAsync(Show<ServicePage>, ("ServiceId", Published.ServiceId), "[data-testid=metric-calls]", ["service-scale", "service-switch", "service-rollback", "service-stop"]);
    }

    [Fact]
    public async Task Of_usage() => await CheckAsync(_ => Show<UsagePage>(), default, "[data-testid=quotas]", []);

    [Fact]
    public async Task Of_quotas() => await CheckAsync(_ => Open<QuotasPage>(), default, "[data-testid=edit-quota]", ["edit-quota"]);

    [Theory]
    [InlineData("<button><svg></svg></button>", "no name")]
    [InlineData("<button><span aria-hidden='true'>x</span></button>", "no name")]
    [InlineData("<input id='a'>", "no name")]
    [InlineData("<a href='/x'><img src='x'></a>", "a picture without words")]
    [InlineData("<a href='/x'>x<button>y</button></a>", "a control in a control")]
    [InlineData("<section aria-labelledby='b'></section>", "aria-labelledby names nothing")]
    [InlineData("<i id='a'></i><b id='a'></b>", "an id that is there twice")]
    [InlineData("<h1>a</h1><h3>b</h3>", "a heading of level 3 below one of level 1")]
    [InlineData("<table><tbody><tr><td>1</td></tr></tbody></table>", "a table without headers")]
    [InlineData("<table><thead><tr><th></th></tr></thead></table>", "a header without words")]
    [InlineData("<dl></dl>", "a list of terms without terms")]
    [InlineData("<dl><div><div>a</div></div></dl>", "a list of terms without terms")]
    [InlineData("<ul><div></div></ul>", "a list of something else")]
    [InlineData("<b tabindex='3'>x</b>", "an order of its own")]
    public void The_check_sees(string html, string fault) => Accessibility.Faults(Parse(html)).ShouldContain(told => told.StartsWith(fault, StringComparison.Ordinal));

    [Theory]
    [InlineData("<h1>a</h1><h2>b</h2><h3>c</h3><h2>d</h2>")]
    [InlineData("<label for='a'>Name</label><input id='a'><label>Age<input></label><input aria-label='Size'><b id='c'>Colour</b><input aria-labelledby='c'>")]
    [InlineData("<table><thead><tr><th>Name</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>")]
    [InlineData("<button aria-label='Close'><svg></svg></button><button>Go</button><a href='/x'><img src='x' alt='Home'></a>")]
    [InlineData("<dl><div><dt>a</dt><dd>b</dd></div></dl><ul><li>a</li></ul>")]
    public void The_check_lets_pass(string html) => Accessibility.Faults(Parse(html)).ShouldBeEmpty();

    private async Task CheckAsync(Func<(string, object)[], IRenderedComponent<IComponent>> show, (string, object) parameter, string complete, string[] dialogs)
    {
        await SignInAsync();
        var page = show(parameter.Item1 is null ? [] : [parameter]);
        page.WaitForElement(complete);
        page.FindAll("h1").Count.ShouldBe(1);
        ShouldHaveNoFaults(page, "page");
        foreach (var button in dialogs)
            await AskedAsync(page, button, () =>
            {
                page.Find("[role=dialog]");
                ShouldHaveNoFaults(page, button);
                return page.Find(".mud-dialog-actions button").ClickAsync();
            });
    }

    private static void ShouldHaveNoFaults(IRenderedComponent<IComponent> page, string where) => Accessibility.Faults(Parse(page.Markup)).ShouldBeEmpty(where);

    private static IElement Parse(string html) => new HtmlParser().ParseDocument($"<body>{html}</body>").Body!;
}
