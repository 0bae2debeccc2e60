namespace Qianfan.Engine.Pretraining;

/// <summary>Chinese words and plain facts that the corpus is made of. All written for this project.</summary>
internal static class ChineseLexicon
{
    public static readonly string[] Names = Words("小明 小红 小华 小李 小王 小张 小芳 小刚 小丽 小军 小雨 小美");
    public static readonly string[] Animals = Words("小狗 小猫 小鸟 小鱼 兔子 老虎 大象 猴子 熊猫 马 牛 羊 鸭子 狐狸 松鼠");
    public static readonly string[] Places = Words("公园 学校 森林 河边 市场 图书馆 海边 村子 城市 厨房 山上 花园 医院 商店 车站");
    public static readonly string[] Objects = Words("书 球 帽子 雨伞 苹果 铅笔 钥匙 杯子 花 礼物 地图 风筝 面包 自行车 手表 信");
    public static readonly string[] Adjectives = Words("聪明 勇敢 善良 可爱 快乐 安静 好奇 认真 勤劳 友好");
    public static readonly string[] Foods = Words("苹果 香蕉 米饭 面条 饺子 西瓜 蛋糕 牛奶 茶 豆腐 鱼 鸡蛋 葡萄 橙子");
    public static readonly (string One, string Other)[] Opposites = [("大", "小"), ("高", "矮"), ("长", "短"), ("快", "慢"), ("冷", "热"), ("多", "少"), ("新", "旧"), ("黑", "白"), ("上", "下"), ("左", "右"), ("前", "后"), ("里", "外"), ("开", "关"), ("早", "晚"), ("远", "近"), ("轻", "重"), ("胖", "瘦"), ("好", "坏"), ("买", "卖"), ("哭", "笑")];
    public static readonly (string Country, string Capital)[] Countries = [("中国", "北京"), ("日本", "东京"), ("法国", "巴黎"), ("德国", "柏林"), ("英国", "伦敦"), ("意大利", "罗马"), ("俄罗斯", "莫斯科"), ("韩国", "首尔"), ("泰国", "曼谷"), ("埃及", "开罗"), ("美国", "华盛顿"), ("加拿大", "渥太华"), ("西班牙", "马德里"), ("印度", "新德里")];
    public static readonly (string Thing, string Color)[] Colors = [("天空", "蓝色"), ("草", "绿色"), ("雪", "白色"), ("煤", "黑色"), ("香蕉", "黄色"), ("太阳", "金色"), ("西红柿", "红色"), ("橙子", "橙色"), ("牛奶", "白色"), ("大海", "蓝色")];
    public static readonly (string English, string Chinese)[] Dictionary = [("dog", "狗"), ("cat", "猫"), ("bird", "鸟"), ("fish", "鱼"), ("water", "水"), ("fire", "火"), ("sun", "太阳"), ("moon", "月亮"), ("book", "书"), ("school", "学校"), ("friend", "朋友"), ("teacher", "老师"), ("student", "学生"), ("mother", "妈妈"), ("father", "爸爸"), ("apple", "苹果"), ("tea", "茶"), ("rice", "米饭"), ("house", "房子"), ("city", "城市"), ("thank you", "谢谢"), ("hello", "你好"), ("goodbye", "再见"), ("today", "今天"), ("tomorrow", "明天"), ("good", "好"), ("red", "红色"), ("white", "白色"), ("mountain", "山"), ("river", "河"), ("flower", "花"), ("computer", "电脑"), ("model", "模型"), ("data", "数据")];
    public static readonly (string Question, string Answer)[] Facts =
    [
        ("你好", "你好！有什么可以帮你的吗？"), ("你是谁？", "我是 qianfan-tiny，一个很小的语言模型。"), ("你叫什么名字？", "我叫 qianfan-tiny。"), ("你会做什么？", "我会回答简单的问题，讲小故事，还会做一点算术。"), ("谢谢", "不客气！"), ("再见", "再见，祝你今天愉快！"),
        ("一年有几个月？", "一年有十二个月。"), ("一个星期有几天？", "一个星期有七天。"), ("一天有多少小时？", "一天有二十四小时。"), ("鱼住在哪里？", "鱼住在水里。"), ("蜜蜂做什么？", "蜜蜂采花蜜，酿蜂蜜。"), ("为什么要睡觉？", "睡觉能让身体和大脑休息。"), ("什么是语言模型？", "语言模型是预测下一个词的程序。"),
        ("什么是数据集？", "数据集是许多例子放在一起。"), ("什么是微调？", "微调就是用自己的例子继续训练模型。"), ("春天之后是什么季节？", "春天之后是夏天。"), ("水结冰以后叫什么？", "水结冰以后叫冰。"), ("太阳从哪边升起？", "太阳从东边升起。"), ("三角形有几条边？", "三角形有三条边。"), ("月亮是什么？", "月亮是绕着地球转的一颗卫星。"),
    ];

    public static readonly string[] Digits = Words("零 一 二 三 四 五 六 七 八 九 十");

    /// <summary>More common words, for tasks that treat words as words.</summary>
    public static readonly string[] More = Words("""
        我们 你们 他们 自己 什么 怎么 为什么 可以 没有 知道 时候 问题 工作 公司 产品 服务 客户 订单 退款 发票 密码 账号 登录 地址 电话 时间 价格 质量 配送 快递 支付 优惠 会员 活动 系统 软件 文件 网络 电脑 手机 模型 训练 数据 答案 方法 结果 开始 结束 学习 生活 家庭 健康 医生 学生 老师 朋友 中国 世界 国家 城市 历史 文化 经济 社会 科学 技术 环境 天气 春天 夏天 秋天 冬天 早上 中午 晚上
        昨天 今天 明天 现在 以前 以后 重要 简单 困难 方便 安全 免费 帮助 需要 请问 联系 申请 提交 修改 删除 保存 下载 上传 打开 关闭 选择 确认 取消 设置 更新 版本 语言 中文 英文 音乐 电影 运动 旅行 汽车 火车 飞机 饭店 味道 衣服 颜色 大小 数量 重量 长度 温度 人民 政府 法律 合同 项目 计划 会议 报告 经理 员工 部门 市场 银行 信息 新闻
        """);

    private static string[] Words(string text) => text.Split((char[])[' ', '\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries);
}
